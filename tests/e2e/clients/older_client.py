"""Drives the public Python client of the older program; prints what it got as one JSON object.

Arguments: port, root of a small indexed project, root of a large tree that is not indexed.
"""

import asyncio
import json
import logging
import sys

from code_analysis_client import CodeAnalysisAsyncClient
from code_analysis_client.exceptions import (
    ClientValidationError,
    CommandFailedError,
    JobFailedError,
)
from mcp_proxy_adapter.client.jsonrpc_client.exceptions import ClientRemoteResponseError

logging.disable(logging.CRITICAL)


async def outcome(awaitable):
    """The result, or what the exception tells."""
    try:
        return {"result": await awaitable}
    except CommandFailedError as error:
        return {"raised": "CommandFailedError", "error": error.error}
    except JobFailedError as error:
        return {"raised": "JobFailedError", "status": error.status, "error": error.error}
    except ClientValidationError as error:
        return {"raised": "ClientValidationError", "text": str(error), "details": error.details}
    except ClientRemoteResponseError as error:
        return {"raised": "ClientRemoteResponseError", "code": error.details.get("code"), "text": str(error)}


async def long_job_with_progress(client, root):
    events = []

    async def hear(event):
        events.append(event)

    result = await outcome(client.call("update_indexes", {"root_dir": root}, status_hook=hear))
    return {"outcome": result, "events": events}


async def ended(client, job_id):
    """What is known of a job when it has ended."""
    while True:
        status = await client.rpc.fetch_command_session_result(job_id)
        if status["completed_at"] is not None:
            return status
        await asyncio.sleep(0.05)


async def cancelled(client, root):
    """Cancels a running command over the WebSocket that started it."""
    session = await client.rpc.execute_command_unified(
        "update_indexes", {"root_dir": root}, manual_event_handling=True
    )
    # Leaving an `async for` would close the session.
    events = session.events()
    while (await anext(events))["event"] != "command_progress":
        pass
    reply = await session.cancel(reason="cancelled")
    status = await ended(client, session.job_id)
    await session.close()
    return {"reply": reply, "status": status["status"], "reason": status["stop_reason"]}


async def detached(client, root):
    """Starts a command, lets go of it, closes the connection, and fetches the result by another."""
    job = await client.call("update_indexes", {"root_dir": root}, auto_poll=False)
    job_id = job.job_id
    await client.close()
    async with connect() as other:
        job.rpc = other.rpc
        result = await outcome(job.wait())
        status = await other.rpc.queue_get_job_status(job_id)
    return {"outcome": result, "status": status["data"]["status"]}


async def stopped_by_rpc(client, root):
    job = await client.call("update_indexes", {"root_dir": root}, auto_poll=False)
    stopped = await client.rpc.queue_stop_job(job.job_id)
    await ended(client, job.job_id)
    listed = await client.rpc.queue_list_jobs(status="stopped")
    waited = await outcome(job.wait())
    forgotten = await client.rpc.cancel_command(job.job_id)
    return {
        "accepted": stopped["success"],
        "listed": [row["job_id"] for row in listed["data"]["jobs"]].count(job.job_id),
        "ended": waited,
        "forgotten": forgotten["success"],
    }


async def queue(client):
    added = await client.rpc.queue_add_job("command_execution", "mine", {"command": "list_projects"})
    started = await client.rpc.queue_start_job("mine")
    await ended(client, "mine")
    logs = await client.rpc.queue_get_job_logs("mine")
    deleted = await client.rpc.queue_delete_job("mine")
    return {
        "added": added["data"]["job_id"],
        "started": started["data"]["job_id"],
        "logs": logs["data"]["stdout"][0],
        "deleted": deleted["success"],
    }


async def surface(client):
    batch = await client.rpc.jsonrpc_batch_call([
        {"jsonrpc": "2.0", "method": "list_projects", "params": {}, "id": 1},
        {"jsonrpc": "2.0", "method": "no_such_command", "params": {}, "id": 2},
    ])
    methods = await client.rpc.get_methods()
    return {
        "health": (await client.rpc.health())["status"],
        "heartbeat": (await client.rpc.get_heartbeat())["status"],
        "openapi": (await client.rpc.get_openapi_schema())["openapi"],
        "methods": sorted(methods)[:3],
        "batch": [sorted(answer) for answer in batch],
    }


def connect():
    return CodeAnalysisAsyncClient(protocol="http", host="127.0.0.1", port=int(sys.argv[1]))


async def main():
    small, large = sys.argv[2], sys.argv[3]
    told = {}
    async with connect() as client:
        told["call"] = await outcome(client.call("list_projects", {"include_deleted": True}))
        told["again"] = await outcome(client.call("list_projects", {"root_dir": small}))
        told["validated"] = await outcome(
            client.call_validated("list_code_entities", {"root_dir": small, "limit": 2})
        )
        told["proxy"] = await outcome(client.commands.find_usages(target_name="apply"))
        told["refused_locally"] = await outcome(client.call_validated("find_usages", {"target_nam": "x"}))
        told["help"] = await outcome(client.rpc.help())
        told["help_one"] = await outcome(client.rpc.help("find_usages"))
        told["failing"] = await outcome(client.call("list_projects", {"project_id": "nope"}))
        told["unknown"] = await outcome(client.call("no_such_command", {}))
        told["unknown_validated"] = await outcome(client.call_validated("no_such_command", {}))
        told["wrong"] = await outcome(client.call("find_usages", {"target_nam": "x"}))
        told["wrong_later"] = await outcome(client.call("update_indexes", {"root_dir": "relative"}))
        told["queue"] = await queue(client)
        told["surface"] = await surface(client)
        told["cancelled"] = await cancelled(client, large)
        told["stopped_by_rpc"] = await stopped_by_rpc(client, large)
        told["progress"] = await long_job_with_progress(client, large)
    told["detached"] = await detached(connect(), small)
    print(json.dumps(told))


asyncio.run(main())
