//! Indexing a tree through the whole chain: what is stored, what is found, and what survives changes on disk.

mod changes;
mod storing;
mod trees;

use std::fs;
use std::path::{Path, PathBuf};

use code_analysis_host::code_db::database::CodeDatabase;
use code_analysis_host::code_db::entities::{Entity, EntityKind};
use code_analysis_host::code_db::page::PageRequest;
use code_analysis_host::code_db::scope::Scope;
use code_analysis_host::code_db::search::{SearchHit, SearchQuery};
use code_analysis_host::code_db::usages::{UsageQuery, UsageRow};
use code_analysis_host::foundation::progress::Silent;
use code_analysis_host::indexing::indexer::{IndexOptions, Indexer};
use code_analysis_host::indexing::problem::ProblemKind;
use code_analysis_host::indexing::project_root::{ProjectRoot, discover_projects};
use code_analysis_host::indexing::summary::IndexSummary;
use tempfile::TempDir;

use crate::support::chain::Chain;

const SHOP_ID: &str = "4b8a2f5e-6c1d-4e0a-9a57-0d2f6f3c9b11";
const PAGE: PageRequest = PageRequest {
    limit: 100,
    offset: 0,
};

/// A tree of its own, and a database.
struct Bench {
    // Fields are dropped in this order: the database goes before the tree.
    _chain: Chain,
    db: CodeDatabase,
    base: TempDir,
}

impl Bench {
    fn empty() -> Self {
        let chain = Chain::new();
        let db = chain.database();
        Self {
            _chain: chain,
            db,
            base: TempDir::new().unwrap(),
        }
    }

    fn with_shop() -> Self {
        let bench = Self::empty();
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/shop");
        for file in [
            "projectid",
            "shop/__init__.py",
            "shop/cart.py",
            "shop/discounts.py",
            "shop/models.py",
        ] {
            bench.write(
                &format!("shop/{file}"),
                fs::read(fixture.join(file)).unwrap(),
            );
        }
        bench
    }

    fn path(&self, path: &str) -> PathBuf {
        self.base.path().canonicalize().unwrap().join(path)
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn edit(&self, path: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(path)).unwrap();
        assert!(text.contains(from), "{from}");
        self.write(path, text.replace(from, to));
    }

    fn project(&self, path: &str) -> ProjectRoot {
        discover_projects(&self.path(path))
            .unwrap()
            .projects
            .remove(0)
    }

    fn indexer(&self) -> Indexer {
        Indexer::new(self.db.clone(), IndexOptions::default())
    }

    fn index(&self, path: &str) -> IndexSummary {
        self.indexer().index(&self.project(path), &Silent).unwrap()
    }

    fn ids(&self, sql: &str) -> Vec<i64> {
        self.db
            .database()
            .read(|session| session.query_all(sql, &[], |row| Ok(row.i64(0)?)))
            .unwrap()
    }

    fn execute(&self, sql: &str) {
        self.db
            .database()
            .once(|session| session.execute(sql, &[]))
            .unwrap();
    }

    fn usages(&self, name: &str) -> Vec<UsageRow> {
        let query = UsageQuery {
            target_name: name,
            target_type: None,
            target_class: None,
            scope: Scope::default(),
        };
        self.db.find_usages(&query, PAGE).unwrap().items
    }

    fn search(&self, text: &str) -> Vec<SearchHit> {
        let query = SearchQuery {
            text,
            entity_type: None,
            project_id: None,
        };
        self.db.fulltext_search(&query, PAGE).unwrap().hits.items
    }

    fn entity(&self, kind: EntityKind, name: &str) -> Entity {
        let found = self
            .db
            .get_code_entity_info(kind, name, None, Scope::default(), PAGE)
            .unwrap();
        assert_eq!(found.total, 1, "{name}");
        found.items.into_iter().next().unwrap()
    }

    /// The engine's own comparison of the full-text index with the text.
    fn check_full_text(&self) {
        self.execute(
            "INSERT INTO code_content_fts(code_content_fts, rank) VALUES('integrity-check', 1)",
        );
    }
}

fn counts(summary: &IndexSummary) -> [u64; 5] {
    let IndexSummary {
        files_found,
        files_indexed,
        files_unchanged,
        files_deleted,
        files_skipped,
        ..
    } = summary;
    [
        *files_found,
        *files_indexed,
        *files_unchanged,
        *files_deleted,
        *files_skipped,
    ]
}

fn kinds(summary: &IndexSummary) -> Vec<ProblemKind> {
    summary
        .problems
        .iter()
        .map(|problem| problem.kind)
        .collect()
}
