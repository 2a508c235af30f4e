//! Trees that are not what one would wish: files that are no text, projects in projects, moved and copied ones.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use code_analysis_host::code_db::entities::EntityKind;
use code_analysis_host::code_db::error::CodeDbError;
use code_analysis_host::foundation::progress::Silent;
use code_analysis_host::indexing::error::IndexError;
use code_analysis_host::indexing::problem::ProblemKind;
use code_analysis_host::indexing::project_root::discover_projects;

use super::{Bench, PAGE, SHOP_ID, counts, kinds};

#[test]
fn what_is_no_source_text_is_reported_and_the_rest_goes_on() {
    let bench = Bench::empty();
    bench.write("p/good.py", "x = 1\n");
    bench.write("p/binary.py", b"x = 1\0\n");
    bench.write("p/latin.py", b"# caf\xe9\ndef f():\n    pass\n");
    bench.write("p/large.py", vec![b'#'; 2 * 1024 * 1024 + 1]);
    bench.write("p/broken.py", "def g():\n    pass\n\n\ndef h(:\n");
    bench.write("p/.gitignore", "ignored/\n");
    bench.write("p/ignored/a.py", "x = 1\n");
    bench.write("p/.hidden/a.py", "x = 1\n");
    bench.write("p/picture.png", b"\0");
    std::os::unix::fs::symlink(bench.path("p/good.py"), bench.path("p/link.py")).unwrap();
    std::os::unix::fs::symlink(bench.path("p"), bench.path("p/loop")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(bench.path("p/socket.py")).unwrap();

    let summary = bench.index("p");
    assert_eq!(counts(&summary), [5, 3, 0, 0, 2]);
    let expected = [
        ProblemKind::Binary,
        ProblemKind::SyntaxErrors,
        ProblemKind::TooLarge,
        ProblemKind::NotUtf8,
    ];
    assert_eq!(kinds(&summary), expected);
    assert_eq!(bench.entity(EntityKind::Function, "f").line, 2);
    assert_eq!(bench.entity(EntityKind::Function, "g").line, 1);
    let broken = bench.db.file(None, "broken.py").unwrap();
    assert_eq!(broken.parsed, Some(false));
    assert_eq!(bench.db.file(None, "good.py").unwrap().parsed, Some(true));

    // A file that has become something else is no longer answered from.
    bench.write("p/good.py", b"\0");
    assert_eq!(counts(&bench.index("p"))[3], 1);
}

#[test]
fn an_unreadable_file_or_directory_is_not_taken_for_deleted() {
    let bench = Bench::with_shop();
    bench.index("shop");
    let closed = bench.path("shop/shop");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    // The superuser reads everything: then there is nothing to see here.
    let readable = fs::read_dir(&closed).is_ok();
    let summary = bench.index("shop");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(
        bench.ids("SELECT count(*) FROM files WHERE deleted = 1"),
        [0]
    );
    if !readable {
        assert_eq!(counts(&summary), [0, 0, 0, 0, 0]);
        assert_eq!(kinds(&summary), [ProblemKind::Unreadable]);
    }

    bench.edit("shop/shop/cart.py", "Fill a cart", "Fill the cart");
    fs::set_permissions(
        bench.path("shop/shop/cart.py"),
        fs::Permissions::from_mode(0o000),
    )
    .unwrap();
    let summary = bench.index("shop");
    assert_eq!(
        bench.ids("SELECT count(*) FROM files WHERE deleted = 1"),
        [0]
    );
    if !readable {
        assert_eq!(counts(&summary), [4, 0, 3, 0, 1]);
        assert_eq!(kinds(&summary), [ProblemKind::Unreadable]);
    }
}

#[test]
fn one_name_many_times_on_one_line_is_stored_once() {
    let bench = Bench::empty();
    bench.write(
        "p/bundle.js",
        "function a(){} function a(){return 1} function b(){}\n",
    );
    let summary = bench.index("p");
    assert_eq!((summary.files_indexed, kinds(&summary)), (1, Vec::new()));
    assert_eq!(bench.ids("SELECT count(*) FROM functions"), [2]);
    bench.check_full_text();
}

#[test]
fn projects_within_projects_are_left_to_themselves() {
    let bench = Bench::empty();
    let inner = "7b9c1a52-18a0-4a34-9bb8-5a4f8a0d6b10";
    bench.write("p/projectid", SHOP_ID);
    bench.write("p/a.py", "x = 1\n");
    bench.write("p/inner/projectid", format!("{{\"id\": \"{inner}\"}}"));
    bench.write("p/inner/b.py", "y = 1\n");
    let found = discover_projects(&bench.path("p")).unwrap();
    for project in &found.projects {
        assert_eq!(
            bench
                .indexer()
                .index(project, &Silent)
                .unwrap()
                .files_indexed,
            1
        );
    }
    let files = |id| {
        bench
            .db
            .list_project_files(Some(id), None, PAGE)
            .unwrap()
            .items
    };
    assert_eq!(files(SHOP_ID)[0].relative_path, "a.py");
    assert_eq!(files(inner)[0].relative_path, "b.py");
    let inside = bench.path("p/inner/b.py");
    assert_eq!(
        bench.db.project(inside.to_str().unwrap()).unwrap().id,
        inner
    );
}

#[test]
fn a_project_that_moves_or_changes_its_id_keeps_its_rows() {
    let bench = Bench::with_shop();
    bench.index("shop");
    let before = bench.ids("SELECT id FROM files ORDER BY id");
    fs::rename(bench.path("shop"), bench.path("moved")).unwrap();
    assert_eq!(counts(&bench.index("moved")), [4, 0, 4, 0, 0]);
    let other = "7b9c1a52-18a0-4a34-9bb8-5a4f8a0d6b10";
    bench.write("moved/projectid", other);
    assert_eq!(counts(&bench.index("moved")), [4, 0, 4, 0, 0]);
    assert_eq!(bench.ids("SELECT id FROM files ORDER BY id"), before);
    let projects = bench.db.list_projects(None, PAGE).unwrap();
    let listed = &projects.items[0];
    assert_eq!(
        (projects.total, listed.project.id.as_str(), listed.files),
        (1, other, 4)
    );
    let chosen = bench.db.list_projects(Some(other), PAGE).unwrap();
    assert_eq!(chosen, projects);
}

#[test]
fn a_copy_with_the_same_id_is_refused() {
    let bench = Bench::with_shop();
    bench.index("shop");
    bench.write("copy/projectid", SHOP_ID);
    bench.write("copy/a.py", "x = 1\n");
    let error = bench
        .indexer()
        .index(&bench.project("copy"), &Silent)
        .unwrap_err();
    assert!(
        matches!(error, IndexError::ProjectIdTaken { .. }),
        "{error}"
    );
    assert_eq!(bench.ids("SELECT count(*) FROM files"), [4]);
}

#[test]
fn a_deleted_project_leaves_nothing() {
    let bench = Bench::with_shop();
    bench.write("rest/a.py", "def kept():\n    pass\n");
    bench.index("shop");
    bench.index("rest");
    let contents = bench.db.project_contents(SHOP_ID).unwrap();
    assert_eq!(
        (
            contents.files_count,
            contents.datasets_count,
            contents.chunks_count
        ),
        (4, 1, 0)
    );
    assert_eq!(bench.db.delete_project(SHOP_ID).unwrap(), contents);
    for table in ["projects", "datasets", "files", "functions", "file_states"] {
        assert_eq!(
            bench.ids(&format!("SELECT count(*) FROM {table}")),
            [1],
            "{table}"
        );
    }
    assert_eq!(bench.search("checkout"), []);
    assert_eq!(bench.search("kept").len(), 1);
    bench.check_full_text();
    let error = bench.db.delete_project(SHOP_ID).unwrap_err();
    assert!(
        matches!(
            error,
            CodeDbError::NotFound {
                what: "project",
                ..
            }
        ),
        "{error}"
    );
}
