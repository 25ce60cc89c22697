# The Raspberry Pi 4: boot.img, autoboot.txt and an MBR. Laid out by the maker's documents; no Pi
# has started it yet.
# shellcheck shell=bash disable=SC2154  # variables are set by settings.sh and the parts before

make_boot_image() { fail "boot.img is not written yet"; }
make_mbr_disk() { fail "the MBR is not written yet"; }
