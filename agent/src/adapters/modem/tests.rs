//! Conversations with a simulated modem, under paused time.

use super::*;
use crate::adapters::dialled::tests::{check_lost, lead, mirror, modem_settings, number, reflect};
use crate::adapters::dialled::{CallRemedy, Dialled};
use crate::adapters::lead::Lead;
use crate::config::CommandLine;
use simulator::link::{Answer, Answering, HungUp, Link, Modem, ModemEvent, ModemTroubles};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

const NUMBER: &str = "01785212121";

struct Bench {
    modem: Modem,
    meter: Answering,
    port: Dialled<Lead>,
}

fn bench_with(troubles: ModemTroubles, settings: ModemSettings) -> Bench {
    let (modem, meter) = (Modem::new(troubles), mirror());
    modem.seat(NUMBER, Answer::connects(), meter.clone());
    let port = Dialled::modem(lead(&Link::new(modem.clone())), settings);
    Bench { modem, meter, port }
}

fn bench() -> Bench {
    bench_with(ModemTroubles::default(), modem_settings())
}

fn once() -> ModemSettings {
    let mut settings = modem_settings();
    settings.calls.retries = 0;
    settings
}

impl Bench {
    fn hung_up(&self) -> Vec<HungUp> {
        let life = self.modem.life().into_iter();
        life.filter_map(|event| match event {
            ModemEvent::HungUp(by) => Some(by),
            _ => None,
        })
        .collect()
    }

    fn dialled(&self) -> usize {
        let life = self.modem.life();
        let is_call = |event: &&ModemEvent| matches!(event, ModemEvent::Dialled(_));
        life.iter().filter(is_call).count()
    }
}

#[tokio::test(start_paused = true)]
async fn a_conversation_reaches_the_meter_octet_for_octet() {
    let mut bench = bench();
    let connected = bench.port.connect(&number(NUMBER)).await.unwrap();
    assert_eq!((connected.rate, connected.tries), (Some(9600), 1));
    let octets: Vec<u8> = (0..=255).collect();
    assert_eq!(reflect(&mut bench.port, &octets).await.unwrap(), octets);
    assert_eq!(bench.meter.heard(), octets);
    bench.port.hang_up().await.unwrap();
    assert!(!bench.port.is_connected());
    assert_eq!(bench.hung_up(), [HungUp::Command]);
}

#[tokio::test(start_paused = true)]
async fn every_way_to_fail_is_told_apart_in_words_and_in_numbers() {
    for only_numbers in [false, true] {
        for (answer, expected, remedy) in [
            (Answer::Busy, "the number is busy", CallRemedy::Redial),
            (Answer::NoCarrier, "no carrier", CallRemedy::Redial),
            (Answer::NoDialTone, "no dial tone", CallRemedy::Later),
            (Answer::NoAnswer, "no answer", CallRemedy::Redial),
            (
                Answer::Silent,
                "no word of the modem within 40s",
                CallRemedy::Redial,
            ),
        ] {
            let troubles = ModemTroubles {
                only_numbers,
                ..ModemTroubles::default()
            };
            let mut bench = bench_with(troubles, once());
            bench.modem.answer(NUMBER, answer);
            let fault = bench.port.connect(&number(NUMBER)).await.unwrap_err();
            assert!(fault.to_string().starts_with(expected), "{fault}");
            assert_eq!((fault.remedy(), fault.code()), (remedy, "C09"), "{fault}");
            assert_eq!(bench.dialled(), 1);
            // The port can be used again at once.
            bench.modem.answer(NUMBER, Answer::connects());
            bench.port.connect(&number(NUMBER)).await.unwrap();
            assert_eq!(reflect(&mut bench.port, b"abc").await.unwrap(), b"abc");
            bench.port.hang_up().await.unwrap();
            assert!(!bench.modem.is_in_call());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_number_that_may_not_be_called_yet_is_not_called_again() {
    let mut bench = bench();
    bench.modem.answer(NUMBER, Answer::Delayed);
    let fault = bench.port.connect(&number(NUMBER)).await.unwrap_err();
    assert!(matches!(fault, CallFault::Barred), "{fault}");
    assert_eq!(bench.dialled(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_busy_number_is_called_again_after_the_pause_and_not_for_ever() {
    let mut bench = bench();
    bench.modem.answer(NUMBER, Answer::Busy);
    let begun = Instant::now();
    let fault = bench.port.connect(&number(NUMBER)).await.unwrap_err();
    assert!(matches!(fault, CallFault::Busy), "{fault}");
    assert_eq!(bench.dialled(), 3);
    assert!(begun.elapsed() >= modem_settings().calls.retry_after * 2);
    let free_at = Instant::now() + Duration::from_secs(20);
    let modem = bench.modem.clone();
    let number = number(NUMBER);
    let (connected, ()) = tokio::join!(bench.port.connect(&number), async {
        tokio::time::sleep_until(free_at).await;
        modem.answer(NUMBER, Answer::connects());
    });
    assert_eq!(connected.unwrap().tries, 2);
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_echoes_and_adds_parity_is_understood() {
    let troubles = ModemTroubles {
        always_echoes: true,
        says_parity: true,
        ..ModemTroubles::default()
    };
    let mut bench = bench_with(troubles, modem_settings());
    bench.port.connect(&number(NUMBER)).await.unwrap();
    assert_eq!(reflect(&mut bench.port, b"\n1\r").await.unwrap(), b"\n1\r");
    bench.port.hang_up().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_the_meter_says_first_is_kept() {
    // In numbers no line feed follows: the first octet may be one of the meter's.
    for only_numbers in [false, true] {
        let troubles = ModemTroubles {
            only_numbers,
            delays: Duration::ZERO,
            ..ModemTroubles::default()
        };
        let mut bench = bench_with(troubles, modem_settings());
        bench.port.connect(&number(NUMBER)).await.unwrap();
        assert_eq!(reflect(&mut bench.port, b"\n\nx").await.unwrap(), b"\n\nx");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_modem_and_a_stubborn_one_are_told_apart() {
    let dead = ModemTroubles {
        dead: true,
        ..ModemTroubles::default()
    };
    let fault = bench_with(dead, once()).port.connect(&number(NUMBER)).await;
    assert!(matches!(fault, Err(CallFault::ModemSilent)), "{fault:?}");
    let refuses = |word: &str| ModemTroubles {
        refuses: vec![word.to_owned()],
        ..ModemTroubles::default()
    };
    let mut settings = once();
    settings
        .init
        .push(CommandLine::new("AT+CPIN=4711".to_owned()));
    let mut bench = bench_with(refuses("CPIN"), settings.clone());
    let fault = bench.port.connect(&number(NUMBER)).await.unwrap_err();
    assert!(
        matches!(fault, CallFault::InitRefused { number: 2 }),
        "{fault}"
    );
    let shown = format!("{fault} {fault:?} {settings:?} {:?}", bench.port);
    assert!(!shown.contains("4711"), "the PIN is shown nowhere: {shown}");
    for optional in ["ATZ", "&D2", "S0", "S7"] {
        let mut bench = bench_with(refuses(optional), once());
        bench.port.connect(&number(NUMBER)).await.unwrap();
    }
    let fault = bench_with(refuses("V1"), once())
        .port
        .connect(&number(NUMBER))
        .await;
    assert!(
        matches!(fault, Err(CallFault::ModemRefuses { .. })),
        "{fault:?}"
    );
    let fault = bench_with(refuses("ATD"), once())
        .port
        .connect(&number(NUMBER))
        .await;
    assert!(
        matches!(fault, Err(CallFault::ModemRefuses { command: "ATDT" })),
        "{fault:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn pulses_and_the_wait_for_a_carrier_are_told_to_the_modem() {
    let mut settings = once();
    settings.dialling = Dialling::Pulse;
    settings.calls.answer_within = Duration::from_secs(25);
    let mut bench = bench_with(ModemTroubles::default(), settings);
    bench.port.connect(&number(NUMBER)).await.unwrap();
    let life = bench.modem.life();
    for command in ["ATX4", "ATS7=25", &format!("ATDP{NUMBER}")] {
        let heard = ModemEvent::Command(command.to_owned());
        assert!(life.contains(&heard), "{command}: {life:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn plus_signs_of_the_conversation_do_not_escape() {
    let mut bench = bench();
    bench.port.connect(&number(NUMBER)).await.unwrap();
    assert_eq!(reflect(&mut bench.port, b"a+++b").await.unwrap(), b"a+++b");
    assert_eq!(reflect(&mut bench.port, b"+++").await.unwrap(), b"+++");
    assert!(bench.modem.is_in_call());
    bench.port.hang_up().await.unwrap();
    assert_eq!(bench.hung_up(), [HungUp::Command]);
}

#[tokio::test(start_paused = true)]
async fn the_escape_is_heard_however_lately_the_conversation_has_ended() {
    // The modem wants a second of silence on both sides of `+++`.
    for pause_ms in [0, 10, 500, 990, 1010, 5000] {
        let mut bench = bench();
        bench.port.connect(&number(NUMBER)).await.unwrap();
        bench.port.write_all(b"last words").await.unwrap();
        sleep(Duration::from_millis(pause_ms)).await;
        bench.port.hang_up().await.unwrap();
        assert_eq!(bench.hung_up(), [HungUp::Command], "after {pause_ms} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn dtr_is_the_last_resort_or_the_first_as_configured() {
    let deaf = ModemTroubles {
        ignores_escape: true,
        ..ModemTroubles::default()
    };
    let mut bench = bench_with(deaf.clone(), modem_settings());
    bench.port.connect(&number(NUMBER)).await.unwrap();
    bench.port.hang_up().await.unwrap();
    assert_eq!(bench.hung_up(), [HungUp::Dtr]);
    let mut settings = modem_settings();
    settings.hang_up = HangUp::Dtr;
    let mut bench = bench_with(ModemTroubles::default(), settings.clone());
    bench.port.connect(&number(NUMBER)).await.unwrap();
    let begun = Instant::now();
    bench.port.hang_up().await.unwrap();
    assert_eq!(bench.hung_up(), [HungUp::Dtr]);
    assert!(begun.elapsed() < Duration::from_secs(4));
    let proud = ModemTroubles {
        ignores_dtr: true,
        ..ModemTroubles::default()
    };
    let mut bench = bench_with(proud, settings);
    bench.port.connect(&number(NUMBER)).await.unwrap();
    bench.port.hang_up().await.unwrap();
    assert_eq!(bench.hung_up(), [HungUp::Command]);
    let mut bench = bench_with(
        ModemTroubles {
            ignores_dtr: true,
            ..deaf
        },
        modem_settings(),
    );
    bench.port.connect(&number(NUMBER)).await.unwrap();
    let fault = bench.port.hang_up().await.unwrap_err();
    assert!(matches!(fault, CallFault::NotHungUp), "{fault}");
    assert_eq!(fault.remedy(), CallRemedy::Reopen);
    // And it is not forgotten: the next use begins with it.
    bench.modem.change(|troubles| troubles.ignores_dtr = false);
    bench.port.connect(&number(NUMBER)).await.unwrap();
    assert_eq!(bench.hung_up(), [HungUp::Dtr]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_drops_is_noticed_and_the_port_goes_on() {
    let mut bench = bench();
    bench.modem.answer(
        NUMBER,
        Answer::Connects {
            after: Duration::from_secs(1),
            rate: 1200,
            drops_after: Some(40),
        },
    );
    bench.port.connect(&number(NUMBER)).await.unwrap();
    assert!(reflect(&mut bench.port, &[7; 30]).await.is_ok());
    let mut heard = Vec::new();
    bench.port.write_all(&[7; 30]).await.unwrap();
    let lost = bench.port.read_to_end(&mut heard).await.unwrap_err();
    assert_eq!(lost.to_string(), "the call was dropped");
    assert_eq!(heard, [&[7; 10][..], b"\r\nNO CARRIER\r\n"].concat());
    check_lost(
        reflect(&mut bench.port, b"a").await,
        "no call stands; call first",
    );
    bench.modem.answer(NUMBER, Answer::connects());
    bench.port.connect(&number(NUMBER)).await.unwrap();
    assert_eq!(reflect(&mut bench.port, b"abc").await.unwrap(), b"abc");
}

#[tokio::test(start_paused = true)]
async fn a_lost_carrier_is_seen_at_its_circuit_before_anything_is_sent() {
    let mut bench = bench();
    bench.port.connect(&number(NUMBER)).await.unwrap();
    bench.modem.drop_call();
    check_lost(reflect(&mut bench.port, b"a").await, "the call was dropped");
    assert!(bench.meter.heard().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_words_of_a_meter_are_not_the_modems() {
    let mut bench = bench();
    bench.port.connect(&number(NUMBER)).await.unwrap();
    for octets in [
        &b"\r\nNO CARRIER\r\n\x03"[..],
        b"NO CARRIER\r\n",
        b"3\r",
        b"\r\n3\r\n",
    ] {
        assert_eq!(reflect(&mut bench.port, octets).await.unwrap(), octets);
        sleep(Duration::from_secs(3)).await;
    }
    assert!(bench.port.is_connected());
}

#[tokio::test(start_paused = true)]
async fn a_call_has_a_longest_time() {
    let mut bench = bench();
    bench.port.connect(&number(NUMBER)).await.unwrap();
    let mut octet = [0];
    let begun = Instant::now();
    let over = bench.port.read(&mut octet).await.unwrap_err();
    assert!(
        over.to_string()
            .starts_with("the call reached its longest time")
    );
    assert_eq!(
        begun.elapsed().as_secs(),
        modem_settings().calls.call_max.as_secs()
    );
    assert!(bench.modem.is_in_call());
    bench.port.hang_up().await.unwrap();
    assert!(!bench.modem.is_in_call());
}

#[tokio::test(start_paused = true)]
async fn a_call_given_up_at_any_moment_is_ended_by_the_next_use() {
    for tenths in 0..150 {
        let mut bench = bench();
        let patience = Duration::from_millis(tenths * 100);
        let connected = timeout(patience, bench.port.connect(&number(NUMBER))).await;
        if connected.is_ok() {
            // Dropped in the middle of a conversation.
            drop(timeout(Duration::from_millis(5), reflect(&mut bench.port, b"abc")).await);
        }
        bench.port.hang_up().await.unwrap();
        assert!(!bench.modem.is_in_call(), "given up after {patience:?}");
        bench.port.connect(&number(NUMBER)).await.unwrap();
        assert_eq!(reflect(&mut bench.port, b"new").await.unwrap(), b"new");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hanging_up_given_up_at_any_moment_is_begun_again() {
    for tenths in 0..80 {
        let mut bench = bench();
        bench.port.connect(&number(NUMBER)).await.unwrap();
        let patience = Duration::from_millis(tenths * 100);
        drop(timeout(patience, bench.port.hang_up()).await);
        assert!(!bench.port.is_connected());
        bench.port.hang_up().await.unwrap();
        assert!(!bench.modem.is_in_call(), "given up after {patience:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_port_that_is_dropped_in_a_call_lets_dtr_fall() {
    let mut bench = bench();
    bench.port.connect(&number(NUMBER)).await.unwrap();
    let Bench { modem, port, .. } = bench;
    drop(port);
    assert!(!modem.is_in_call());
}

#[tokio::test(start_paused = true)]
async fn a_port_that_is_opened_in_a_call_of_a_former_life_ends_it_first() {
    let orphaned = ModemTroubles {
        ignores_dtr: true,
        ..ModemTroubles::default()
    };
    let mut bench = bench_with(orphaned, modem_settings());
    bench.port.connect(&number(NUMBER)).await.unwrap();
    let Bench { modem, port, .. } = bench;
    drop(port);
    assert!(modem.is_in_call(), "nothing has reached this modem");
    let mut port = Dialled::modem(lead(&Link::new(modem.clone())), modem_settings());
    port.connect(&number(NUMBER)).await.unwrap();
    let ends = modem
        .life()
        .into_iter()
        .filter(|event| matches!(event, ModemEvent::HungUp(_)));
    assert_eq!(ends.count(), 1);
    assert_eq!(reflect(&mut port, b"abc").await.unwrap(), b"abc");
}
