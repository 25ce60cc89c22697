use super::*;

#[test]
fn rules_mean_what_another_program_says() {
    let mut seen = 0;
    for line in include_str!("../../../tests/vectors/rrule.txt").lines() {
        let parts: Vec<&str> = line.split('|').collect();
        let &[start, rule, first, last, count, begin, end] = parts.as_slice() else {
            assert!(line.starts_with('#'), "{line}");
            continue;
        };
        if line.starts_with('#') {
            continue;
        }
        let rule: Rule = rule
            .parse()
            .unwrap_or_else(|unfit| panic!("{line}: {unfit}"));
        let start = DateTime::strptime("%Y-%m-%dT%H:%M", start).unwrap();
        let found = rule.between(start, first.parse().unwrap(), last.parse().unwrap());
        let text = |local: &DateTime| local.strftime("%Y%m%dT%H%M").to_string();
        let first_eight: Vec<String> = found.iter().take(8).map(text).collect();
        let last = found.last().map(text).unwrap_or_default();
        assert_eq!(
            (found.len().to_string(), first_eight.join(","), last),
            (count.to_owned(), begin.to_owned(), end.to_owned()),
            "{line}"
        );
        assert_eq!(rule.to_string().parse(), Ok(rule), "{line}");
        seen += 1;
    }
    assert!(seen >= 400);
}

#[track_caller]
fn check(text: &str, expected: Result<&str, &str>) {
    let found = text.parse::<Rule>();
    let found = found
        .map(|rule| rule.to_string())
        .map_err(|unfit| unfit.to_string());
    assert_eq!(found.as_deref().map_err(String::as_str), expected);
}

#[test]
fn a_rule_has_one_form() {
    check(
        "RRULE:byday=th,MO;freq=weekly;interval=1",
        Ok("FREQ=WEEKLY;BYDAY=MO,TH"),
    );
    check(
        "FREQ=DAILY;UNTIL=20261231",
        Ok("FREQ=DAILY;UNTIL=20261231T235959"),
    );
    check(
        "FREQ=DAILY;UNTIL=20261231T010000Z",
        Ok("FREQ=DAILY;UNTIL=20261231T010000Z"),
    );
    check(
        "FREQ=YEARLY;BYDAY=+2SU,-1SU;BYMONTH=10,3,3;WKST=SU",
        Ok("FREQ=YEARLY;BYMONTH=3,10;BYDAY=-1SU,2SU;WKST=SU"),
    );
}

#[test]
fn what_is_not_understood_is_refused() {
    check(
        "",
        Err("`` is not a part of a rule; write FREQ=WEEKLY;BYDAY=MO,TH;BYHOUR=1;BYMINUTE=30"),
    );
    check(
        "FREQ=HOURLY",
        Err("FREQ is shorter than a day; use every-minutes, or BYHOUR and BYMINUTE"),
    );
    check(
        "FREQ=DAILY;FREQ=DAILY",
        Err("FREQ stands twice; keep one of them"),
    );
    check(
        "FREQ=DAILY;COUNT=3;UNTIL=20270101",
        Err("COUNT and UNTIL exclude each other; keep one of them"),
    );
    check(
        "FREQ=DAILY;COUNT=+3",
        Err("COUNT: `+3` is out of range; use 1 to 10000"),
    );
    check(
        "FREQ=DAILY;INTERVAL=0",
        Err("INTERVAL: `0` is out of range; use 1 to 1000"),
    );
    check(
        "FREQ=DAILY;BYMONTHDAY=0",
        Err("BYMONTHDAY: `0` is out of range; use 1 to 31"),
    );
    check(
        "FREQ=WEEKLY;BYDAY=2MO",
        Err(
            "a numbered BYDAY needs months or years; use FREQ=MONTHLY or YEARLY, or drop the number",
        ),
    );
    check(
        "FREQ=WEEKLY;BYDAY=XX",
        Err("`XX` is not a day of the week; use MO, TU, WE, TH, FR, SA, SU"),
    );
    check(
        "FREQ=YEARLY;BYWEEKNO=20",
        Err(
            "BYWEEKNO is not used here; use FREQ, INTERVAL, COUNT, UNTIL, BYMONTH, BYMONTHDAY, BYDAY, BYHOUR, BYMINUTE, BYSETPOS, WKST",
        ),
    );
    check(
        "FREQ=DAILY;UNTIL=2026-12-31",
        Err(
            "UNTIL: `2026-12-31` is not a date; write 20261231, 20261231T230000 or 20261231T230000Z",
        ),
    );
    check(
        "FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8;BYMINUTE=0,5,10,15,20,25,30,35,40,45,50",
        Err("more than 96 times a day; use every-minutes"),
    );
}
