"""Copies Python sources without their docstrings, and prints what the docstrings ask for.

Usage: docstrings.py SOURCE TARGET. Prints one JSON object a line: the first sentence of the docstring of a function or
method as `query`; `path` below TARGET and `name` of the function whose docstring it was. Docstrings of modules and
classes go as well, so that nothing in the copy repeats a query.
"""
import ast
import json
import os
import sys

LEAST_WORDS, MOST_WORDS = 4, 30
LEFT_OUT = {"test", "tests", "idle_test", "site-packages", "__pycache__", "lib2to3", "turtledemo"}


def first_sentence(docstring):
    paragraph = " ".join(docstring.strip().split("\n\n")[0].split())
    end = paragraph.find(". ")
    return paragraph[: end if end > 0 else len(paragraph)].rstrip(".")


def bodies(tree, owner=""):
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield node, None
            yield from bodies(node, f"{node.name}.")
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node, f"{owner}{node.name}"
            for inner, _ in bodies(node):
                yield inner, None
        else:
            yield from bodies(node, owner)


def strip(source, path):
    tree = ast.parse(source)
    lines = source.split("\n")
    asked = []
    for node, name in [(tree, None), *bodies(tree)]:
        docstring = ast.get_docstring(node)
        first = node.body[0] if node.body else None
        if docstring is None or first.lineno == getattr(node, "lineno", 0):
            continue
        # Lines keep their numbers; a body that was its docstring alone needs a statement.
        tail = lines[first.end_lineno - 1].encode()[first.end_col_offset :].decode()
        indent = " " * first.col_offset
        for number in range(first.lineno - 1, first.end_lineno):
            lines[number] = ""
        if node is not tree:
            lines[first.lineno - 1] = indent + "pass"
        elif tail.strip(" ;"):
            lines[first.end_lineno - 1] = tail.lstrip(" ;")
        query = first_sentence(docstring)
        if name and len(node.body) > 1 and LEAST_WORDS <= len(query.split()) <= MOST_WORDS:
            asked.append({"query": query, "path": path, "name": name})
    text = "\n".join(lines)
    ast.parse(text)
    return text, asked


def main(source, target):
    for directory, names, files in os.walk(source):
        names[:] = sorted(name for name in names if name not in LEFT_OUT)
        for file in sorted(files):
            if not file.endswith(".py"):
                continue
            path = os.path.relpath(os.path.join(directory, file), source)
            try:
                with open(os.path.join(source, path), encoding="utf-8") as opened:
                    text, asked = strip(opened.read(), path)
            except (SyntaxError, UnicodeDecodeError):
                continue
            os.makedirs(os.path.dirname(os.path.join(target, path)), exist_ok=True)
            with open(os.path.join(target, path), "w", encoding="utf-8") as opened:
                opened.write(text)
            for each in asked:
                print(json.dumps(each))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
