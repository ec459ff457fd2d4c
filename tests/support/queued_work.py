"""Driving dispatchers and workers as the schedule and the queues do."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import boto3

from moniqo_core import bootstrap
from moniqo_core.domain.clock import rfc3339
from tests.support.lambdas import load_function

Records = list[dict[str, Any]]


def dispatch(function: str, scheduled: datetime) -> int:
    """Let a dispatcher run as the schedule does. Return how many wallets it queued."""
    queued: int = load_function(function).handler({"scheduled_time": rfc3339(scheduled)}, None)["queued"]
    return queued


def received(queue: str) -> Records:
    """Receive every message of a queue, as the records of an SQS event source mapping."""
    sqs = boto3.client("sqs")
    url = bootstrap.settings().need(queue)
    records: Records = []
    while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in batch:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            records.append({"messageId": message["MessageId"], "body": message["Body"], "eventSource": "aws:sqs"})
    return records


def work(function: str, records: Records) -> list[str]:
    """Hand records to a worker and return the ids of the failed ones."""
    answer = load_function(function).handler({"Records": records}, None)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def message(*wallets: str, scheduled: datetime, name: str = "m-1") -> dict[str, Any]:
    """Return the record of a message about these wallets."""
    body = {"sync_id": name, "scheduled_time": rfc3339(scheduled), "user_wallet_ids": list(wallets)}
    return {"messageId": name, "body": json.dumps(body)}
