use super::*;
use crate::site::{Folder, SiteMap};
use proptest::prelude::*;
use std::fmt::Write as _;

const HEADER: &str = "name,area,substation,bus,connection,protocol,model,address,serial,host,number,password,ct-primary-a,ct-secondary-a,mpan,baud,note\n";

fn import(rows: &str, existing: &SiteMap) -> Result<ImportPlan, String> {
    let text = format!("{HEADER}{rows}");
    ImportPlan::of("m.csv", text.as_bytes(), existing).map_err(|complaints| complaints.to_string())
}

fn map(rows: &str) -> SiteMap {
    import(rows, &SiteMap::default()).unwrap().after()
}

#[track_caller]
fn check(rows: &str, expected: &str) {
    assert_eq!(import(rows, &SiteMap::default()).unwrap_err(), expected);
}

#[test]
fn each_mistake_is_named_by_line_and_column_all_at_once() {
    check(
        "A 1,North,Hall,main,rs485,modbus,abb-b23,0\nb,,Hall,main,rs485,modbus,abb-b23,2\n",
        "m.csv:2: name: `A 1` is not a name; use 1 to 40 of a-z, 0-9 and -, beginning with a letter or digit\n\
         m.csv:2: address: `0` is out of range; use 1 to 247\n\
         m.csv:3: area: is empty; every meter needs it",
    );
}

#[test]
fn what_does_not_go_together_is_named() {
    let say = |rest: &str, expected: &str| check(&format!("a,North,Hall,main,{rest}\n"), expected);
    say(
        "rs485,modbus,abb-b23,",
        "m.csv:2: address: is empty, and a Modbus meter has a unit of 1 to 247; fill it in",
    );
    say(
        "network,dlms,dlms-generic,1",
        "m.csv:2: host: is empty, and the connection is network; fill it in",
    );
    say(
        "rs485,flag,elster-a1700,1,,h:1",
        "m.csv:2: host: is filled, and the connection is rs485; clear the cell",
    );
    say(
        "modem,flag,elster-a1700,1",
        "m.csv:2: number: is empty, and the connection is modem; fill it in",
    );
    say(
        "modem,flag,elster-a1700,1,,,4.4E+11",
        "m.csv:2: number: `4.4E+11` cannot be dialled; write digits, with + * # A to D and , W @ !; if a spreadsheet made 4.4E+11 of it, format the column as text",
    );
    say(
        "rs485,modbus,abb-b23,1,,,,sealed:x",
        "m.csv:2: password: is filled, and Modbus has no passwords; clear the cell",
    );
    say(
        "rs485,modbus,abb-b23,1,,,,,200",
        "m.csv:2: ct-secondary-a: is empty, and the primary side is given; fill it in",
    );
    say(
        "rs485,modbus,abb-b23,1,,,,,,5",
        "m.csv:2: ct-secondary-a: is filled, and the primary side is not given; clear the cell",
    );
    say(
        "rs485,flag,elster-a1700,0-1",
        "m.csv:2: address: `0-1` is not an outstation number; write up to 32 digits and letters",
    );
    say(
        "rs485,dlms,dlms-generic,16384",
        "m.csv:2: address: `16384` is out of range; use 1 to 16383",
    );
    say(
        "rs485,modbus,abb-b23,1,,,,,,,,9601",
        "m.csv:2: baud: `9601` is not a speed; use 300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200",
    );
}

#[test]
fn a_password_never_gets_into_a_message_or_an_export() {
    let said = import(
        "a,North,Hall,main,rs485,flag,elster-a1700,1,,,,SECRET99\n",
        &SiteMap::default(),
    );
    let said = said.unwrap_err();
    assert!(
        said.starts_with("m.csv:2: password: ") && !said.contains("SECRET99"),
        "{said}"
    );
    let sound = map("a,North,Hall,main,rs485,flag,elster-a1700,1,,,,sealed:a-2\n");
    assert!(sound.to_csv().contains(",sealed:a-2,"));
}

#[test]
fn what_stands_twice_is_named_with_both_lines() {
    check(
        "a,N,H,main,rs485,modbus,abb-b23,1,77\n\
         b,N,H,main,rs485,modbus,abb-b23,01,\n\
         c,N,H,main,rs485,modbus,abb-b23,3,0077\n\
         a,N,H,main,rs485,modbus,abb-b23,4,\n\
         d,N,H,main,rs232,modbus,abb-b23,5,\n\
         e,N,H,hall,rs485,modbus,abb-b24,1,77\n",
        "m.csv:3: address: address 1 stands twice on bus main: see a in line 2; correct the one that is wrong\n\
         m.csv:4: serial: serial number 0077 of model abb-b23 stands twice: see a in line 2; correct the one that is wrong\n\
         m.csv:5: name: the name stands in line 2 too; give each meter a name of its own\n\
         m.csv:6: connection: bus main is described in two ways: see a in line 2; correct the one that is wrong",
    );
    let existing = map("old,N,H,main,rs485,modbus,abb-b23,1,77\n");
    assert_eq!(
        import("new,N,H,main,rs485,modbus,abb-b23,1\n", &existing).unwrap_err(),
        "m.csv:2: address: address 1 stands twice on bus main: see old, which the map has already; correct the one that is wrong"
    );
    // The meter that had the address moves in the same file.
    let moved = import(
        "new,N,H,main,rs485,modbus,abb-b23,1\nold,N,H,main,rs485,modbus,abb-b23,2,77\n",
        &existing,
    );
    assert_eq!(moved.unwrap().after().len(), 2);
}

#[test]
fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    let existing = map(
        "a,N,H,main,rs485,modbus,abb-b23,1\nb,N,H,main,rs485,modbus,abb-b23,2\nc,N,H,main,rs485,modbus,abb-b23,3\n",
    );
    let before = existing.clone();
    let plan = import("a,N,H,main,rs485,modbus,abb-b23,1\nb,N,H,main,rs485,modbus,abb-b24,9\nd,N,H,main,rs485,modbus,abb-b23,4\n", &existing).unwrap();
    assert_eq!(
        plan.to_string(),
        "add     d\nchange  b: address `2` -> `9`\nchange  b: model `abb-b23` -> `abb-b24`\n\
         1 added, 1 changed, 1 unchanged, 1 not in the file and left alone\n"
    );
    assert_eq!(existing, before);
    assert_eq!(
        plan.after()
            .meters()
            .map(|meter| meter.name.as_str())
            .collect::<Vec<_>>(),
        ["a", "b", "c", "d"]
    );
}

#[test]
fn one_meter_is_put_or_refused() {
    let mut site = map("a,N,H,main,rs485,modbus,abb-b23,1\nb,N,H,main,rs485,modbus,abb-b23,2\n");
    let mut meter = site.get(&"b".parse().unwrap()).unwrap().clone();
    meter.address = Some("1".to_owned());
    let before = site.clone();
    assert_eq!(
        site.put(meter.clone()).unwrap_err().to_string(),
        "address 1 stands twice on bus main"
    );
    assert_eq!(site, before);
    meter.address = Some("7".to_owned());
    site.put(meter).unwrap();
    assert_ne!(site, before);
    assert!(site.remove(&"b".parse().unwrap()).is_some());
    assert_eq!(site.len(), 1);
}

#[test]
fn the_map_is_a_tree_and_has_folders() {
    let text = "name;area;substation;feeder;bus;connection;protocol;model;address\n\
        b;North;Hall;F1;main;rs485;modbus;abb-b23;1\na;North;Hall;F1;main;rs485;modbus;abb-b23;2\n\
        c;North;Hall;;main;rs485;modbus;abb-b23;3\nd;East;Mill;;m;rs485;modbus;abb-b23;3\n";
    let site = ImportPlan::of("t", text.as_bytes(), &SiteMap::default())
        .unwrap()
        .after();
    assert_eq!(
        site.tree().to_string(),
        "East\n  Mill\n    (no feeder)\n      d  abb-b23 on m, address 3\nNorth\n  Hall\n    (no feeder)\n      \
         c  abb-b23 on main, address 3\n    F1\n      a  abb-b23 on main, address 2\n      b  abb-b23 on main, address 1\n"
    );
    let names = |folder: &str| {
        let folder: Folder = folder.parse().unwrap();
        site.in_folder(&folder)
            .map(|meter| meter.name.to_string())
            .collect::<String>()
    };
    assert_eq!(
        [
            names("North"),
            names("North/Hall/F1"),
            names("Hall"),
            names("North/Mill")
        ],
        ["abc", "ab", "", ""]
    );
}

#[test]
fn six_hundred_rows_go_in_and_come_out_and_one_bad_one_stops_all() {
    let mut text = HEADER.to_owned();
    for number in 0..600 {
        let (bus, unit) = (number / 100, number % 100 + 1);
        writeln!(
            text,
            "m-{number},North,\"Hall, {bus}\",bus-{bus},rs485,modbus,abb-b23,{unit},{number}"
        )
        .unwrap();
    }
    let site = ImportPlan::of("m.csv", text.as_bytes(), &SiteMap::default())
        .unwrap()
        .after();
    assert_eq!(
        (site.len(), site.tree().areas[0].substations.len()),
        (600, 6)
    );
    let again = ImportPlan::of("m.csv", site.to_csv().as_bytes(), &site).unwrap();
    assert_eq!((again.unchanged.len(), again.is_empty()), (600, true));
    let broken = text.replace("m-417,North", "m-417,");
    let complaints = ImportPlan::of("m.csv", broken.as_bytes(), &SiteMap::default()).unwrap_err();
    assert_eq!(complaints.all.len(), 1, "{complaints}");
    assert_eq!(complaints.all[0].line, 419);
    let worse = text.replace("abb-b23", "ABB");
    let complaints = ImportPlan::of("m.csv", worse.as_bytes(), &SiteMap::default()).unwrap_err();
    assert_eq!((complaints.all.len(), complaints.further), (100, 500));
    assert!(
        complaints
            .to_string()
            .ends_with("and 500 more; mend these first")
    );
}

#[test]
fn the_shipped_example_is_a_map() {
    let bytes = include_bytes!("../../../../../../config/network-map.csv");
    let site = ImportPlan::of("network-map.csv", bytes, &SiteMap::default())
        .unwrap()
        .after();
    assert!(site.len() >= 6);
    let words: std::collections::BTreeSet<_> = site
        .meters()
        .map(|meter| meter.link.connection.word())
        .collect();
    assert_eq!(
        words.len(),
        crate::site::Connection::ALL.len(),
        "every connection is shown"
    );
}

#[test]
fn the_page_names_every_column_and_only_those() {
    let page = include_str!("../../../../../../docs/how-to/import-a-network-map.md");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    let named: std::collections::BTreeSet<&str> = cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    assert_eq!(named, crate::site::CSV_COLUMNS.iter().copied().collect());
}

/// What a person may write into a cell of free text.
fn label() -> impl Strategy<Value = String> {
    "[=+@'\"a-zÄ＝,;-][ -.0-~é＋]{0,20}"
        .prop_map(|text| text.replace('/', " ").trim().to_owned())
        .prop_filter("empty", |text| !text.is_empty())
}

proptest! {
    #[test]
    fn what_is_exported_is_imported_as_the_same(
        rows in proptest::collection::vec((label(), label(), proptest::option::of(label()), label(), 0_u8..7, 1_u32..9_999_999), 1..20)
    ) {
        let mut site = SiteMap::default();
        for (number, (area, substation, feeder, note, connection, primary)) in rows.into_iter().enumerate() {
            let connection = crate::site::Connection::ALL[usize::from(connection)];
            let mut meter = map(&format!("m-{number},A,S,b-{number},rs485,flag,elster-a1700,00{number}\n")).remove(&format!("m-{number}").parse().unwrap()).unwrap();
            meter.area = area.parse().unwrap();
            meter.substation = substation.parse().unwrap();
            meter.feeder = feeder.map(|feeder| feeder.parse().unwrap());
            meter.note = Some(note.clone());
            meter.serial = note.parse().ok();
            meter.link.connection = connection;
            meter.link.host = connection.has_host().then(|| "h:1".parse().unwrap());
            meter.number = connection.is_dialled().then(|| "+44123".replace('+', if connection == crate::site::Connection::Modem { "+" } else { "" }));
            let ct = format!("{}.{:03},5", primary / 1000, primary % 1000);
            let one = map(&format!("x,A,S,b,rs485,flag,elster-a1700,1,,,,,{ct}\n"));
            meter.ct = one.meters().next().unwrap().ct;
            // A serial number that stands twice is refused, which is another test.
            drop(site.put(meter));
        }
        let text = site.to_csv();
        for row in text.lines().skip(1) {
            for cell in row.split(',') {
                prop_assert!(!cell.trim_matches('"').starts_with(['=', '+', '-', '@']) || row.contains('"'), "{}", row);
            }
        }
        let again = ImportPlan::of("again", text.as_bytes(), &SiteMap::default()).map_err(|said| said.to_string());
        prop_assert_eq!(again.map(ImportPlan::after), Ok(site));
    }

    #[test]
    fn no_octets_break_the_import(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        fuzz_site_csv(&bytes);
    }

    #[test]
    fn no_cells_break_the_import(cells in proptest::collection::vec("[ -~\n\"é]{0,12}", 0..40)) {
        let row = cells.join(",");
        fuzz_site_csv(format!("{HEADER}{row}\n").as_bytes());
    }
}
