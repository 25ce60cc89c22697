/* A meter that we did not write: libmodbus answers from the registers that a file describes.
 *
 * libmodbus_meter FILE PORT BAUD     (the file: see pymodbus_meter.py)
 */
#include <errno.h>
#include <modbus.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TOTALS_MAX 64

struct total { char table; int address, words; long long base, steps; };

static struct total totals[TOTALS_MAX];
static int totals_count = 0, unit = 1;
static long long began = 0;
static uint16_t held[2][65536];
static int first[2] = {65535, 65535}, last[2] = {0, 0};

static int table_of(char letter) { return letter == 'i'; }

static void spread(int table, int from, int to)
{
    if (from < first[table]) first[table] = from;
    if (to > last[table]) last[table] = to;
}

static int read_file(const char *path)
{
    char word[16], letter;
    int address, value;
    FILE *file = fopen(path, "r");
    if (!file) return -1;
    while (fscanf(file, "%15s", word) == 1) {
        if (!strcmp(word, "unit") && fscanf(file, "%d", &unit) == 1) continue;
        if (!strcmp(word, "began") && fscanf(file, "%lld", &began) == 1) continue;
        if (!strcmp(word, "held") && fscanf(file, " %c %d %d", &letter, &address, &value) == 3) {
            held[table_of(letter)][address] = (uint16_t)value;
            spread(table_of(letter), address, address);
            continue;
        }
        struct total *total = &totals[totals_count];
        if (!strcmp(word, "total") && totals_count < TOTALS_MAX
            && fscanf(file, " %c %d %d %lld %lld", &total->table, &total->address, &total->words,
                      &total->base, &total->steps) == 5) {
            spread(table_of(total->table), total->address, total->address + total->words - 1);
            totals_count++;
            continue;
        }
        return -1;
    }
    fclose(file);
    return 0;
}

static void refresh(modbus_mapping_t *map)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    long long passed = now.tv_sec * 1000LL + now.tv_nsec / 1000000 - began;
    for (int i = 0; i < totals_count; i++) {
        const struct total *total = &totals[i];
        long long value = total->base + passed * total->steps / 1000;
        uint16_t *registers = table_of(total->table)
            ? map->tab_input_registers + (total->address - map->start_input_registers)
            : map->tab_registers + (total->address - map->start_registers);
        for (int word = 0; word < total->words; word++)
            registers[word] = (uint16_t)(value >> 16 * (total->words - 1 - word));
    }
}

int main(int argc, char **argv)
{
    if (argc != 4 || read_file(argv[1])) return 64;
    int count[2];
    for (int table = 0; table < 2; table++) {
        count[table] = last[table] >= first[table] ? last[table] - first[table] + 1 : 0;
        if (!count[table]) first[table] = 0;
    }
    modbus_mapping_t *map = modbus_mapping_new_start_address(0, 0, 0, 0, first[0], count[0], first[1], count[1]);
    if (!map) return 1;
    memcpy(map->tab_registers, &held[0][first[0]], count[0] * sizeof(uint16_t));
    if (count[1]) memcpy(map->tab_input_registers, &held[1][first[1]], count[1] * sizeof(uint16_t));
    modbus_t *port = modbus_new_rtu(argv[2], atoi(argv[3]), 'N', 8, 1);
    if (!port || modbus_set_slave(port, unit) || modbus_connect(port)) return 1;
    puts("ready");
    fflush(stdout);
    for (;;) {
        uint8_t request[MODBUS_RTU_MAX_ADU_LENGTH];
        int length = modbus_receive(port, request);
        if (length > 0) {
            refresh(map);
            modbus_reply(port, request, length, map);
        } else if (length < 0 && errno != EMBBADCRC && errno != ETIMEDOUT) {
            return 1;
        }
    }
}
