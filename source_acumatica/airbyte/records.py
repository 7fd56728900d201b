"""Sends many records as one message, since an object for each costs more than all the rest of a read.

The workers make a ``RecordBatch``, which goes through the queue like any other message. ``Entrypoint`` prints its text
and counts its records for the states that follow. Anything that reads messages one by one, as the CDK's own entry
point does, gets them from ``single_messages``.
"""

from __future__ import annotations

import argparse
import logging
import time
from abc import ABC
from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, cast

import msgspec
import orjson
from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.models import (
    AirbyteConnectionStatus,
    AirbyteMessage,
    AirbyteRecordMessage,
    AirbyteRecordMessageFileReference,
    AirbyteStreamStatus,
    ConfiguredAirbyteCatalog,
    ConnectorSpecification,
    FailureType,
    Status,
    Type,
)
from airbyte_cdk.sources import Source
from airbyte_cdk.sources.utils.schema_helpers import split_config
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets
from airbyte_cdk.utils.message_utils import HashableStreamDescriptor
from airbyte_cdk.utils.stream_status_utils import as_airbyte_message
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from airbyte_protocol_dataclasses.models import AirbyteRecordMessageMeta, AirbyteRecordMessageMetaChange, Change, Reason  # type: ignore[import-untyped]
from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError as JsonSchemaError

from source_acumatica.config import Config
from source_acumatica.masking import hide_secrets


class FileReference(msgspec.Struct, frozen=True):
    """A file that lies in the staging folder, beside the record that is about it."""

    staging_file_url: str
    source_file_relative_path: str
    """Where the destination is to put it, in folders of its own."""
    file_size_bytes: int


class _RecordBody(msgspec.Struct, gc=False, omit_defaults=True):
    stream: str
    data: Any
    emitted_at: int
    meta: Any = None
    file_reference: FileReference | None = None


class _RecordLine(msgspec.Struct, gc=False, tag_field="type", tag="RECORD"):
    record: _RecordBody


_ENCODER = msgspec.json.Encoder()
# Stands for the data of a record; no stream has this name.
_PLACE = "\x00data"
# The CDK's serializer has no other way to keep the digits of a number.
_DECODER = msgspec.json.Decoder(_RecordLine, float_hook=orjson.Fragment)


Meta = msgspec.Raw
"""The ``meta`` of records, encoded once for all records with the same changes."""


class RecordBatch(AirbyteMessage):
    """RECORD messages of one stream, as the text that is printed: one a line."""

    def __init__(self, stream: str, text: str, count: int, file_bytes: int = 0) -> None:
        super().__init__(type=Type.RECORD)
        self.stream, self.text, self.count = stream, text, count
        self.file_bytes = file_bytes
        """How much lies in the staging folder for the destination to take when it gets these records."""

    @classmethod
    def of(
        cls,
        stream: str,
        records: Sequence[Any],
        meta: Meta | None = None,
        files: Sequence[FileReference] = (),
    ) -> RecordBatch:
        """A batch of at least one record; as in the CDK's messages, columns without a value are left out.

        ``files``: one for each record, or none at all.
        """
        now = time.time_ns() // 1_000_000
        if files:
            pairs = zip(records, files, strict=True)
            lines = [_RecordLine(_RecordBody(stream, filled(record), now, meta, file)) for record, file in pairs]
            text, file_bytes = _ENCODER.encode_lines(lines)[:-1], sum(file.file_size_bytes for file in files)
            return cls(stream, text.decode(), len(records), file_bytes)
        message = _ENCODER.encode(_RecordLine(_RecordBody(stream, _PLACE, now, meta)))
        before, _, behind = message.partition(_ENCODER.encode(_PLACE))
        # What is the same in all messages is put around the records as text: JSON has no line breaks within its texts.
        bodies = _ENCODER.encode_lines(list(map(filled, records)) if dict in set(map(type, records)) else records)
        text = b"".join([before, bodies[:-1].replace(b"\n", b"%b\n%b" % (behind, before)), behind])
        return cls(stream, text.decode(), len(records))

    def single_messages(self) -> Iterator[AirbyteMessage]:
        """The same records, each as a message of the CDK."""
        for line in self.text.split("\n"):
            body = _DECODER.decode(line).record
            record = AirbyteRecordMessage(stream=body.stream, data=_serializable(body.data), emitted_at=body.emitted_at)
            if body.meta:
                record.meta = AirbyteRecordMessageMeta(changes=list(map(_change, body.meta["changes"])))
            if body.file_reference:
                record.file_reference = AirbyteRecordMessageFileReference(**msgspec.structs.asdict(body.file_reference))
            yield AirbyteMessage(type=Type.RECORD, record=record)

    def with_single_first(self) -> Iterator[AirbyteMessage]:
        """The first record as a message of the CDK, which sees by it that the stream is running; the others as a batch.

        The CDK passes on the record's data alone: what is beside it hides in there until ``with_meta`` takes it out.
        """
        line, _, others = self.text.partition("\n")
        for message in RecordBatch(self.stream, line, 1).single_messages():
            if message.record:
                _hide(message.record)
            yield message
        if others:
            yield RecordBatch(self.stream, others, self.count - 1, self.file_bytes)


def meta_of(left_out: Sequence[str], cut: Sequence[str]) -> Meta | None:
    """The ``meta`` of records with columns that are null although the ERP has values, or that are cut."""
    changes = [
        *({"field": name, "change": Change.NULLED, "reason": Reason.SOURCE_RETRIEVAL_ERROR} for name in left_out),
        *({"field": name, "change": Change.TRUNCATED, "reason": Reason.SOURCE_FIELD_SIZE_LIMITATION} for name in cut),
    ]
    return msgspec.Raw(_ENCODER.encode({"changes": changes})) if changes else None


def without_file(meta: Meta | None, reason: Reason) -> Meta:
    """The ``meta`` of a record whose file does not come, beside what it has already."""
    changes = msgspec.json.decode(meta)["changes"] if meta else []
    change = {"field": FILE_FIELD, "change": Change.NULLED, "reason": reason}
    return msgspec.Raw(_ENCODER.encode({"changes": [*changes, change]}))


FILE_FIELD = "file_reference"
"""What ``meta`` calls the file of a record, by the protocol's own word: it is no column."""


def _change(said: Mapping[str, str]) -> AirbyteRecordMessageMetaChange:
    change, reason = Change(said["change"]), Reason(said["reason"])
    return AirbyteRecordMessageMetaChange(field=said["field"], change=change, reason=reason)


_LARGEST_INTEGER = 2**63 - 1


def _serializable(value: Any) -> Any:
    """Whole numbers beyond 64 bits, which the CDK's serializer refuses, as their own text."""
    match value:
        case dict():
            return {name: _serializable(inner) for name, inner in value.items()}
        case list():
            return [_serializable(inner) for inner in value]
        case int() if not -_LARGEST_INTEGER <= value <= _LARGEST_INTEGER:
            return orjson.Fragment(str(value))
        case _:
            return value


def _complaint(error: JsonSchemaError) -> str:
    """What is wrong with a setting; a pattern is named by the words that describe it."""
    descriptor = error.schema.get("pattern_descriptor") if isinstance(error.schema, dict) else None
    message = (
        f"{error.instance!r} has to be {descriptor}" if descriptor and error.validator == "pattern" else error.message
    )
    return ": ".join(filter(None, [".".join(map(str, error.absolute_path)), message]))


class BatchSource(Source, ABC):
    """A source that can send a ``RecordBatch``; it does so if ``sends_batches`` is set."""

    sends_batches = False


class Entrypoint(AirbyteEntrypoint):
    """The CDK's entry point, for a source that can send many records as one message."""

    @staticmethod
    def validate_connection(source_spec: ConnectorSpecification, config: Mapping[str, Any]) -> None:
        """Refuse settings that cannot be used, and name each, which the CDK's own message does not.

        Raises:
            AirbyteTracedException: a ``config_error``.
        """
        Config.parse(config)
        given, _ = split_config({name: value for name, value in config.items() if value is not None})
        if isinstance(given.get("instance_url"), str):
            given["instance_url"] = given["instance_url"].strip()
        errors = [*Draft7Validator(source_spec.connectionSpecification).iter_errors(given)]
        if errors:
            message = filter_secrets(f"The settings are not usable: {'; '.join(map(_complaint, errors))}.")
            raise AirbyteTracedException(message=message, failure_type=FailureType.config_error)

    @staticmethod
    def set_up_secret_filter(config: Mapping[str, Any], connection_specification: Mapping[str, Any]) -> None:
        """Mask secrets in our own way: of a secret of one letter, the CDK's filter would mask each such letter."""
        hide_secrets(config)

    def check(self, *args: Any, **more: Any) -> Iterator[AirbyteMessage]:
        """The messages of a check, the last of which is always its answer, also where the CDK would raise an error.

        The platform takes a check without an answer for a fault of its own, and shows the user nothing useful.
        """
        try:
            yield from super().check(*args, **more)
        except AirbyteTracedException as error:
            yield from self._answer(error)
        except (AttributeError, TypeError, ValueError, LookupError, ArithmeticError, OSError) as error:
            # A description of an unexpected shape fails in one of these ways; the trace says where.
            message = (
                f"The check came upon something that this connector does not know ({type(error).__name__}: {error})."
            )
            traced = AirbyteTracedException.from_exception(error, message=filter_secrets(message))
            yield traced.as_sanitized_airbyte_message()
            yield from self._answer(traced)

    def _answer(self, error: AirbyteTracedException) -> Iterator[AirbyteMessage]:
        yield from self._emit_queued_messages(self.source)
        status = AirbyteConnectionStatus(status=Status.FAILED, message=filter_secrets(error.message or ""))
        yield AirbyteMessage(type=Type.CONNECTION_STATUS, connectionStatus=status)

    def __init__(self, source: BatchSource) -> None:
        super().__init__(source)
        source.sends_batches = True
        self._batch: RecordBatch | None = None

    def run(self, parsed_args: argparse.Namespace) -> Iterator[str]:
        """The text to print: a message, or several with line breaks between them."""
        # A caller that ends the run early ends the read below it at once, and not only when garbage is collected.
        with closing(cast("Generator[str]", super().run(parsed_args))) as texts:
            for text in texts:
                batch, self._batch = self._batch, None
                yield batch.text if batch else text

    def read(
        self,
        source_spec: ConnectorSpecification,
        config: Mapping[str, Any],
        catalog: ConfiguredAirbyteCatalog,
        state: list[Any],
    ) -> Iterator[AirbyteMessage]:
        """The messages of a read; settings that cannot be used fail each stream."""
        self.set_up_secret_filter(config, source_spec.connectionSpecification)
        try:
            self.validate_connection(source_spec, config)
        except AirbyteTracedException:
            yield from incomplete(catalog)
            raise
        for message in super().read(source_spec, config, catalog, state):
            self._batch = message if isinstance(message, RecordBatch) else None
            yield message

    @staticmethod
    def handle_record_counts(
        message: AirbyteMessage, stream_message_count: defaultdict[HashableStreamDescriptor, float]
    ) -> AirbyteMessage:
        """Count the records for the state that follows them."""
        if isinstance(message, RecordBatch):
            stream_message_count[HashableStreamDescriptor(name=message.stream, namespace=None)] += message.count
            return message
        return AirbyteEntrypoint.handle_record_counts(message, stream_message_count)


def incomplete(catalog: ConfiguredAirbyteCatalog) -> Iterator[AirbyteMessage]:
    """The statuses of all streams, where nothing can be read."""
    for one in catalog.streams:
        yield as_airbyte_message(one.stream, AirbyteStreamStatus.STARTED)
        yield as_airbyte_message(one.stream, AirbyteStreamStatus.INCOMPLETE)


def filled(record: Any) -> Any:
    """A record without its empty columns; compiled records leave those out themselves."""
    return {name: cell for name, cell in record.items() if cell is not None} if isinstance(record, dict) else record


def with_meta(messages: Iterable[AirbyteMessage]) -> Iterator[AirbyteMessage]:
    """The messages that the CDK hands out, with what is beside the data of records back in its place."""
    for message in messages:
        if message.record:
            message.record.meta = message.record.data.pop(_META, message.record.meta)
            message.record.file_reference = message.record.data.pop(_FILE, message.record.file_reference)
        yield message


def _hide(record: AirbyteRecordMessage) -> None:
    for name, beside in ((_META, record.meta), (_FILE, record.file_reference)):
        if beside:
            record.data[name] = beside
    record.meta = record.file_reference = None


# No column has these names.
_META, _FILE = "\x00meta", "\x00file"


def single_messages(messages: Iterable[AirbyteMessage]) -> Iterator[AirbyteMessage]:
    """The messages, with each batch as single records."""
    for message in messages:
        if isinstance(message, RecordBatch):
            yield from message.single_messages()
        else:
            yield message


class NoCounts(logging.Filter):
    """Keeps the CDK from logging how many messages a stream had as the number of its records."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line may be logged."""
        return not record.getMessage().startswith("Read ")


def in_pieces(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """The items, ``size`` at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))
