//! Every language's imports lead to files: one tiny tree each, from its text to the edges between its files.

use super::analyze;
use crate::analysis::Language;
use crate::analysis::modules::ImportText;
use crate::analysis::modules::tree::SourceTree;

/// A tree and the edges in it.
struct Case {
    language: Language,
    /// Path and text of each file.
    files: &'static [(&'static str, &'static str)],
    /// Who imports whom, by place among the files.
    edges: &'static [(usize, usize)],
}

const CASES: &[Case] = &[
    Case {
        language: Language::Python,
        files: &[
            ("shop/__init__.py", "from .cart import Cart\n"),
            ("shop/cart.py", "import os\nimport shop.tax\n"),
            ("shop/tax.py", "from . import cart\n"),
        ],
        edges: &[(0, 1), (1, 2), (2, 1)],
    },
    Case {
        language: Language::Rust,
        files: &[
            (
                "src/lib.rs",
                "mod cart;\npub mod tax;\nmod here { mod cart; }\n",
            ),
            (
                "src/cart.rs",
                "use std::fmt;\nuse crate::tax::rate::of;\nmod item;\n",
            ),
            ("src/tax/mod.rs", "mod rate;\n"),
            ("src/tax/rate.rs", "use super::super::cart::Cart;\n"),
            ("src/cart/item.rs", "use super::Cart;\n"),
        ],
        edges: &[(0, 1), (0, 2), (1, 3), (1, 4), (2, 3), (3, 1), (4, 1)],
    },
    Case {
        language: Language::JavaScript,
        files: &[
            (
                "src/main.js",
                "import { a } from './lib';\nimport fs from 'fs';\nconst t = require('./tax');\n",
            ),
            ("src/lib/index.js", "export * from '../tax.js';\n"),
            ("src/tax.js", ""),
        ],
        edges: &[(0, 1), (0, 2), (1, 2)],
    },
    Case {
        language: Language::TypeScript,
        files: &[
            (
                "src/main.ts",
                "import { a } from './lib';\nimport type { T } from './tax.js';\n",
            ),
            ("src/lib/index.ts", "export { t } from '../tax';\n"),
            ("src/tax.ts", "import React from 'react';\n"),
        ],
        edges: &[(0, 1), (0, 2), (1, 2)],
    },
    Case {
        language: Language::Tsx,
        files: &[
            ("app/page.tsx", "import { Cart } from './cart';\n"),
            ("app/cart/index.tsx", "import('../page');\n"),
        ],
        edges: &[(0, 1), (1, 0)],
    },
    Case {
        language: Language::Go,
        files: &[
            (
                "main.go",
                "package main\nimport (\n\t\"fmt\"\n\t\"example.org/shop/cart\"\n)\n",
            ),
            ("cart/cart.go", "package cart\n"),
            (
                "cart/item.go",
                "package cart\nimport t \"example.org/shop/internal/tax\"\n",
            ),
            ("internal/tax/tax.go", "package tax\n"),
        ],
        edges: &[(0, 1), (0, 2), (2, 3)],
    },
    Case {
        language: Language::Java,
        files: &[
            (
                "src/shop/Main.java",
                "package shop;\nimport java.util.List;\nimport shop.cart.Cart;\n",
            ),
            (
                "src/shop/cart/Cart.java",
                "package shop.cart;\nimport static shop.tax.Tax.of;\n",
            ),
            (
                "src/shop/tax/Tax.java",
                "package shop.tax;\nimport shop.cart.*;\n",
            ),
        ],
        edges: &[(0, 1), (1, 2), (2, 1)],
    },
    Case {
        language: Language::C,
        files: &[
            ("src/main.c", "#include <stdio.h>\n#include \"cart.h\"\n"),
            ("src/cart.h", "#include \"shop/tax.h\"\n"),
            ("include/shop/tax.h", ""),
        ],
        edges: &[(0, 1), (1, 2)],
    },
    Case {
        language: Language::Cpp,
        files: &[
            (
                "src/main.cpp",
                "#include <vector>\n#include \"../include/cart.hpp\"\n",
            ),
            ("include/cart.hpp", "#include <shop/tax.hpp>\n"),
            ("third/shop/tax.hpp", ""),
        ],
        edges: &[(0, 1), (1, 2)],
    },
    Case {
        language: Language::CSharp,
        files: &[
            ("Main.cs", "using System;\nusing Shop.Cart;\n"),
            (
                "Shop/Cart/Cart.cs",
                "using static Shop.Tax.Rates;\nnamespace Shop.Cart;\n",
            ),
            ("Shop/Tax/Rates.cs", "namespace Shop.Tax;\n"),
        ],
        edges: &[(0, 1), (1, 2)],
    },
    Case {
        language: Language::Ruby,
        files: &[
            (
                "bin/run.rb",
                "require 'json'\nrequire_relative '../lib/cart'\n",
            ),
            ("lib/cart.rb", "require 'shop/tax'\nload 'item.rb'\n"),
            ("lib/shop/tax.rb", ""),
            ("lib/item.rb", ""),
        ],
        edges: &[(0, 1), (1, 2), (1, 3)],
    },
    Case {
        language: Language::Php,
        files: &[
            (
                "web/index.php",
                "<?php\nrequire __DIR__ . '/../lib/boot.php';\nuse App\\Models\\User;\n",
            ),
            ("lib/boot.php", "<?php\ninclude_once 'tax.php';\n"),
            ("app/Models/User.php", "<?php\nnamespace App\\Models;\n"),
            ("lib/tax.php", "<?php\n"),
        ],
        edges: &[(0, 1), (0, 2), (1, 3)],
    },
    Case {
        language: Language::Bash,
        files: &[
            (
                "bin/run.sh",
                "source ./lib.sh\n. \"$(dirname \"$0\")/tax.sh\"\necho source x\n",
            ),
            ("bin/lib.sh", ". ../share/words.bash\n"),
            ("bin/tax.sh", ""),
            ("share/words.bash", ""),
        ],
        edges: &[(0, 1), (0, 2), (1, 3)],
    },
];

#[test]
fn imports_of_every_language_lead_to_files() {
    let told: Vec<_> = CASES.iter().map(|case| case.language).collect();
    assert_eq!(told, Language::ALL);
    for case in CASES {
        let tree = SourceTree::new(case.files.iter().map(|(path, _)| *path));
        let mut edges = Vec::new();
        for (place, (path, text)) in case.files.iter().enumerate() {
            for import in analyze(case.language, text).imports {
                let said = ImportText {
                    name: &import.name,
                    module: import.module.as_deref(),
                    level: import.level,
                };
                let found = tree.resolve(case.language, path, said).into_iter();
                edges.extend(found.map(|target| (place, target)));
            }
        }
        edges.sort_unstable();
        edges.dedup();
        assert_eq!(edges, case.edges, "{:?}", case.language);
    }
}
