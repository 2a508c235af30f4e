#!/usr/bin/env python3
"""Counts the decisions of Python functions with Python's own parser, to compare with `analyze_complexity`.

    tests/scripts/count_decisions.py FILE.py ...    complexity, file, line and name of each function, highest first
"""

import ast
import sys

DECISIONS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.IfExp)


class Counter(ast.NodeVisitor):
    def __init__(self):
        self.done, self.open = [], []

    def visit_FunctionDef(self, node):
        self.open.append(1)
        for statement in node.body:
            self.visit(statement)
        self.done.append((self.open.pop(), node.lineno, node.name))

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node):
        self.open.append(0)
        self.generic_visit(node)
        self.open.pop()

    def generic_visit(self, node):
        if self.open:
            self.open[-1] += isinstance(node, DECISIONS)
            if isinstance(node, ast.BoolOp):
                self.open[-1] += len(node.values) - 1
            if isinstance(node, ast.comprehension):
                self.open[-1] += len(node.ifs)
        super().generic_visit(node)


found = []
for path in sys.argv[1:]:
    counter = Counter()
    with open(path) as file:
        counter.visit(ast.parse(file.read()))
    found.extend((complexity, path, line, name) for complexity, line, name in counter.done)
for complexity, path, line, name in sorted(found, key=lambda each: (-each[0], *each[1:])):
    print(complexity, path, line, name)
