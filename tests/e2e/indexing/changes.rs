//! What a second run does: nothing, or what has changed, with the ids that others refer to.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use code_analysis_host::code_db::entities::EntityKind;
use code_analysis_host::code_db::error::CodeDbError;
use code_analysis_host::code_db::scope::Scope;
use code_analysis_host::foundation::progress::{Progress, Silent};
use code_analysis_host::indexing::indexer::{IndexOptions, Indexer};

use super::{Bench, PAGE, SHOP_ID, counts};

/// Notes what it hears.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Progress for Notes {
    fn total(&self, files: u64) {
        self.0.lock().unwrap().push(format!("total {files}"));
    }

    fn step(&self, path: &Path) {
        self.0
            .lock()
            .unwrap()
            .push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }

    fn done(&self) {
        self.0.lock().unwrap().push("done".to_owned());
    }
}

#[test]
fn a_second_run_finds_nothing_to_do() {
    let bench = Bench::with_shop();
    bench.index("shop");
    let before = bench.ids("SELECT id FROM code_content ORDER BY id");
    // The files were written a moment ago, so their time proves nothing yet: their bytes do.
    assert_eq!(counts(&bench.index("shop")), [4, 0, 4, 0, 0]);
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert_eq!(counts(&bench.index("shop")), [4, 0, 4, 0, 0]);
    assert_eq!(counts(&bench.index("shop")), [4, 0, 4, 0, 0]);
    assert_eq!(
        bench.ids("SELECT count(*) FROM file_states WHERE mtime_ns = -1"),
        [0]
    );
    assert_eq!(bench.ids("SELECT id FROM code_content ORDER BY id"), before);
}

#[test]
fn a_changed_file_keeps_what_others_refer_to() {
    let bench = Bench::with_shop();
    bench.index("shop");
    let models = bench.db.file(None, "shop/models.py").unwrap().id;
    let cart_file = bench.db.file(None, "shop/cart.py").unwrap().id;
    let (order, add) = (
        bench.entity(EntityKind::Class, "Order"),
        bench.entity(EntityKind::Method, "Order.add"),
    );
    let dependency = format!(
        "SELECT id FROM dependencies WHERE source_file_id = {cart_file} AND target_file_id = {models}"
    );
    let stored = bench.ids(&dependency);
    assert_eq!(stored.len(), 1);
    bench.execute(&format!(
        "INSERT INTO code_chunks(file_id, project_id, chunk_uuid, chunk_type, chunk_text, class_id, method_id) \
         VALUES ({models}, '{SHOP_ID}', 'u1', 'method', 'text', {}, {})",
        order.id, add.id
    ));
    bench.edit(
        "shop/shop/models.py",
        "import abc\n",
        "import abc\nimport os\n\nMARKER = os.sep\n",
    );
    bench.edit(
        "shop/shop/models.py",
        "    def add(self, item",
        "    def extra(self):\n        pass\n\n    def add(self, item",
    );
    bench.edit("shop/shop/models.py", "def total(", "def sum_up(");

    let summary = bench.index("shop");
    assert_eq!(counts(&summary), [4, 1, 3, 0, 0]);
    assert_eq!(bench.db.file(None, "shop/models.py").unwrap().id, models);
    assert_eq!(bench.ids(&dependency), stored);
    assert_eq!(
        bench.ids("SELECT method_id FROM code_chunks WHERE chunk_uuid = 'u1'"),
        [add.id]
    );
    let now = bench.entity(EntityKind::Method, "Order.add");
    assert_eq!((now.id, now.line), (add.id, add.line + 6));
    assert_eq!(bench.entity(EntityKind::Class, "Order").id, order.id);
    assert_eq!(bench.entity(EntityKind::Function, "sum_up").line, 52);
    let gone =
        bench
            .db
            .get_code_entity_info(EntityKind::Function, "total", None, Scope::default(), PAGE);
    assert!(matches!(gone, Err(CodeDbError::NotFound { .. })));
    assert_eq!(bench.search("MARKER").len(), 1);
    assert!(
        bench
            .search("total")
            .iter()
            .all(|hit| hit.entity_name.as_deref() != Some("total"))
    );
    bench.check_full_text();
}

#[test]
fn entities_of_one_name_may_trade_places() {
    let bench = Bench::empty();
    bench.write(
        "p/a.py",
        "def f():\n    return 1\n\n\ndef f():\n    return 2\n",
    );
    bench.index("p");
    let before = bench.ids("SELECT id FROM functions ORDER BY line");
    bench.write(
        "p/a.py",
        "\n\n\n\ndef f():\n    return 1\n\n\ndef f():\n    return 2\n",
    );
    bench.index("p");
    assert_eq!(bench.ids("SELECT id FROM functions ORDER BY line"), before);
    assert_eq!(
        bench.ids("SELECT line FROM functions ORDER BY line"),
        [5, 9]
    );
}

#[test]
fn ids_are_never_used_again() {
    let bench = Bench::with_shop();
    bench.index("shop");
    let greatest = bench.ids("SELECT max(id) FROM files")[0];
    bench.db.delete_project(SHOP_ID).unwrap();
    assert_eq!(bench.ids("SELECT count(*) FROM files"), [0]);
    bench.index("shop");
    assert_eq!(bench.ids("SELECT min(id) FROM files"), [greatest + 1]);
}

#[test]
fn a_deleted_file_is_marked_and_comes_back_as_it_was() {
    let bench = Bench::with_shop();
    bench.index("shop");
    let id = bench.db.file(None, "shop/discounts.py").unwrap().id;
    let text = fs::read(bench.path("shop/shop/discounts.py")).unwrap();
    fs::remove_file(bench.path("shop/shop/discounts.py")).unwrap();

    assert_eq!(counts(&bench.index("shop")), [3, 0, 3, 1, 0]);
    assert_eq!(bench.ids("SELECT id FROM files WHERE deleted = 1"), [id]);
    assert_eq!(bench.search("percent"), []);
    assert_eq!(bench.usages("compile"), []);
    let gone = bench.db.file(None, "shop/discounts.py").unwrap_err();
    assert!(
        matches!(gone, CodeDbError::NotFound { what: "file", .. }),
        "{gone}"
    );
    assert_eq!(counts(&bench.index("shop")), [3, 0, 3, 0, 0]);

    bench.write("shop/shop/discounts.py", text);
    assert_eq!(counts(&bench.index("shop")), [4, 0, 4, 0, 0]);
    assert_eq!(bench.db.file(None, "shop/discounts.py").unwrap().id, id);
    assert_eq!(bench.search("percent").len(), 1);
}

#[test]
fn what_deleted_files_hold_is_not_counted() {
    let bench = Bench::with_shop();
    let counted = |project_id| {
        let status = bench.db.database_status(project_id).unwrap();
        [
            status.classes,
            status.functions,
            status.methods,
            status.imports,
            status.usages,
        ]
    };
    bench.index("shop");
    let whole = counted(None);
    let text = fs::read(bench.path("shop/shop/models.py")).unwrap();
    fs::remove_file(bench.path("shop/shop/models.py")).unwrap();
    bench.index("shop");
    let rest = counted(None);
    assert_eq!(rest, counted(Some(SHOP_ID)));
    for (rest, whole) in rest.iter().zip(whole) {
        assert!(*rest < whole, "{rest} of {whole}");
    }
    // Their rows are still there.
    let rows = bench.ids("SELECT count(*) FROM classes")[0];
    assert_eq!(u64::try_from(rows), Ok(whole[0]));

    bench.write("shop/shop/models.py", text);
    bench.index("shop");
    assert_eq!(counted(None), whole);

    fs::remove_dir_all(bench.path("shop/shop")).unwrap();
    bench.index("shop");
    assert_eq!(counted(None), [0; 5]);
    assert_eq!(counted(Some(SHOP_ID)), [0; 5]);
}

#[test]
fn single_paths_are_brought_up_to_date_by_themselves() {
    let bench = Bench::with_shop();
    bench.index("shop");
    let project = bench.project("shop");
    bench.write("shop/shop/new.py", "def fresh():\n    pass\n");
    bench.write("shop/shop/other.py", "def unseen():\n    pass\n");
    fs::remove_file(bench.path("shop/shop/cart.py")).unwrap();
    let paths = [
        bench.path("shop/shop/new.py"),
        bench.path("shop/shop/cart.py"),
        bench.path("elsewhere.py"),
    ];
    let summary = bench
        .indexer()
        .index_files(&project, &paths, &Silent)
        .unwrap();
    assert_eq!(counts(&summary), [1, 1, 0, 1, 0]);
    assert_eq!(bench.entity(EntityKind::Function, "fresh").line, 1);
    assert_eq!(
        bench.ids("SELECT count(*) FROM functions WHERE name = 'unseen'"),
        [0]
    );

    // A directory that went away takes all below with it.
    fs::remove_dir_all(bench.path("shop/shop")).unwrap();
    let summary = bench
        .indexer()
        .index_files(&project, &[bench.path("shop/shop")], &Silent)
        .unwrap();
    assert_eq!(counts(&summary), [0, 0, 0, 4, 0]);
    // Nothing of the project is asked for: nothing happens.
    let summary = bench
        .indexer()
        .index_files(&project, &[bench.path("elsewhere.py")], &Silent)
        .unwrap();
    assert_eq!(counts(&summary), [0, 0, 0, 0, 0]);
}

#[test]
fn progress_is_heard_and_a_request_to_stop_is_obeyed() {
    let bench = Bench::with_shop();
    let project = bench.project("shop");
    let options = IndexOptions::default();
    options.cancellation.cancel();
    let summary = Indexer::new(bench.db.clone(), options)
        .index(&project, &Silent)
        .unwrap();
    assert!(summary.cancelled);
    assert_eq!(summary.files_indexed, 0);

    let notes = Notes::default();
    bench.indexer().index(&project, &notes).unwrap();
    let mut heard = notes.0.into_inner().unwrap();
    assert_eq!(
        (heard.remove(0).as_str(), heard.pop().as_deref()),
        ("total 4", Some("done"))
    );
    heard.sort();
    assert_eq!(
        heard,
        ["__init__.py", "cart.py", "discounts.py", "models.py"]
    );
}
