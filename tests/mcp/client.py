"""Connects to the server as the Python package `mcp` does, and prints `ok` when all was as it should be.

Usage: client.py TREE FILES TARGET... where TARGET is the address of a server, or a command with its arguments; TREE is
a directory with FILES source files that is not indexed yet.
"""

import sys

import anyio
from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters


def target(words):
    if words[0].startswith("http"):
        return words[0]
    return StdioServerParameters(command=words[0], args=words[1:], env=dict(__import__("os").environ))


async def all_tools(client):
    names, cursor = [], None
    while True:
        page = await client.list_tools(cursor=cursor)
        names += [tool.name for tool in page.tools]
        cursor = page.next_cursor
        if cursor is None:
            return names


async def speak(server, mode, version):
    """One conversation over the tools and resources; the shop is indexed."""
    async with Client(server, mode=mode) as client:
        assert client.session.protocol_version == version, client.session.protocol_version
        names = await all_tools(client)
        assert "queue_list_jobs" in names and "delete_project" in names, names

        found = await client.call_tool("list_code_entities", {"entity_type": "class", "limit": 1})
        assert not found.is_error, found
        assert found.structured_content["count"] == 1, found
        again = await client.call_tool(
            "list_code_entities",
            {"entity_type": "class", "limit": 1, "cursor": found.structured_content["next_cursor"]},
        )
        first, second = (each.structured_content["entities"][0] for each in (found, again))
        assert first["name"] != second["name"], (first, second)

        wrong = await client.call_tool("find_usages", {"target_nam": "x"})
        assert wrong.is_error and "target_name" in wrong.content[0].text, wrong
        try:
            await client.call_tool("no_such_tool", {})
            raise AssertionError("an unknown tool was called")
        except MCPError as error:
            assert "unknown tool" in str(error), error

        project = (await client.list_resources()).resources[0]
        templates = await client.list_resource_templates()
        assert any("{+path}" in each.uri_template for each in templates.resource_templates)
        source = await client.read_resource(f"{project.uri}/files/shop/cart.py")
        assert "class Cart" in source.contents[0].text, source
        for path in ("../projectid", "%2e%2e/secret", "no/such.py"):
            try:
                await client.read_resource(f"{project.uri}/files/{path}")
                raise AssertionError(f"{path} was read")
            except MCPError:
                pass


async def index(server, mode, tree, files):
    """A long command is cancelled while it runs, then runs to its end and tells how far it is."""
    async with Client(server, mode=mode) as client:
        with anyio.CancelScope() as scope:

            async def cancel(done, total, message):
                scope.cancel()

            await client.call_tool("update_indexes", {"root_dir": tree}, progress_callback=cancel)
        assert scope.cancelled_caught, "the command ended before it could be cancelled"
        # What is stored when it stops stays; wait until it does.
        before = -1
        while True:
            listed = await client.call_tool("list_projects", {"root_dir": tree})
            now = 0 if listed.is_error else listed.structured_content["projects"][0]["files"]
            if now == before:
                break
            before = now
            await anyio.sleep(1)
        assert now < files, f"all {files} files were indexed in spite of the cancellation"

        heard = []

        async def hear(done, total, message):
            heard.append((done, total))

        done = await client.call_tool("update_indexes", {"root_dir": tree}, progress_callback=hear)
        assert not done.is_error, done
        assert done.structured_content["files_total"] == files, done.structured_content
        assert heard and all(earlier[0] <= later[0] for earlier, later in zip(heard, heard[1:])), heard
        assert all(step <= total for step, total in heard), heard


async def main(tree, files, words):
    server = target(words)
    await speak(server, "legacy", "2025-11-25")
    await speak(server, "2026-07-28", "2026-07-28")
    await index(server, "legacy", tree, files)
    print("ok")


anyio.run(main, sys.argv[1], int(sys.argv[2]), sys.argv[3:])
