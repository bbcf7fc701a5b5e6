"""A server on this machine that speaks Ollama's wire and OpenAI's, and can go wrong in every way that they can.

It is honest about what does not need a model: budgets cut answers off, contexts overflow, unknown models are missing.
What it says is a function of the request; by default an answer that the request's schema allows, drawn by the
request's hash. ``python -m tests.policy.llm.stand_in --port 11434`` serves it until interrupted.
"""

import argparse
import hashlib
import json
import random
import re
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

VERSION: Final = "0.33.0"
MODEL: Final = "qwen2.5:1.5b"
ANALYSIS: Final = "The losses are few and small, as bad luck gives."
CREATED: Final = "2026-11-22T13:51:03.250156Z"
CHARACTERS_PER_TOKEN: Final = 4


class Trouble(StrEnum):
    """What goes wrong with one chat."""

    BUSY = "busy"
    """503: the queue is full."""
    LOAD = "load"
    """500: the model does not load."""
    BAD_GATEWAY = "bad gateway"
    """502 with a proxy's page."""
    REFUSED = "refused"
    """400: the request is not taken."""
    UNAUTHORISED = "unauthorised"
    """401."""
    REDIRECT = "redirect"
    """307 to another machine."""
    PULLED_OFF = "pulled off"
    """404: the model has gone since it was listed."""
    NO_SUCH_PAGE = "no such page"
    """404 with a page: another kind of server."""
    HTML = "html"
    """200 with a page."""
    NOT_JSON = "not json"
    """200 with half of a JSON text, complete as HTTP."""
    LIST = "list"
    """200 with JSON that is no object."""
    WRONG_TYPES = "wrong types"
    """200 with an object whose fields are of other types."""
    DEEP = "deep"
    """200 with JSON nested deeper than a parser goes."""
    BINARY = "binary"
    """200 with bytes that are no text."""
    PACKED = "packed"
    """200 with an answer that is compressed unasked."""
    ENDLESS = "endless"
    """200 with a body that does not end."""
    MIDSTREAM = "midstream"
    """200 that ends in an error."""
    HANG = "hang"
    """No response at all."""
    DRIBBLE = "dribble"
    """A response that comes byte by byte and takes for ever."""
    DROP = "drop"
    """The connection closes without a response."""
    DROP_HALF = "drop half"
    """The connection closes in the middle of a body."""
    NOT_HTTP = "not http"
    """Something that is no HTTP."""
    UNFINISHED = "unfinished"
    """``done`` is false: the runner gave up after repeating itself."""
    TRUNCATE = "truncate"
    """The answer reaches its budget of tokens."""
    EMPTY = "empty"
    BLANK = "blank"
    """An answer of white space alone."""
    STOPPED = "stopped"
    """Ended for another reason than its end."""
    SURROGATE = "surrogate"
    """An answer with half a character in it."""
    PROSE = "prose"
    """A whole answer that is not what was asked for."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the model says."""

    content: str
    done_reason: str = "stop"
    prompt_tokens: int | None = None
    answer_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """What the server says instead."""

    status: int
    message: str


Request = Mapping[str, Any]
"""Body of an ``/api/chat``; an OpenAI request is put into its form."""
Answer = Callable[[Request], Said | Failed | str]


@dataclass(frozen=True, slots=True)
class Model:
    """A model that the server has."""

    digest: str = hashlib.sha256(MODEL.encode()).hexdigest()
    remote_host: str = ""


def drawn(request: Request) -> str:
    """Return an answer that the request's schema allows, drawn by the hash of the request."""
    seed = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
    return json.dumps(from_schema(request["format"], random.Random(seed)))


def from_schema(schema: Mapping[str, Any], chance: random.Random) -> Any:
    """Return a value that the schema allows. What it cannot read of a schema is an error."""
    match schema:
        case {"oneOf": list(options)} | {"anyOf": list(options)}:
            return from_schema(chance.choice(options), chance)
        case {"const": only}:
            return only
        case {"enum": list(choices)}:
            return chance.choice(choices)
        case {"type": "object", "properties": dict(properties)}:
            return {name: from_schema(one, chance) for name, one in properties.items()}
        case {"type": "array", "items": items, "minItems": int(least), "maxItems": int(most)}:
            return [from_schema(items, chance) for _ in range(chance.randint(least, most))]
        case {"type": "integer", "minimum": int(least), "maximum": int(most)}:
            return chance.randint(least, most)
        case {"type": "string", "pattern": str(pattern)} if re.fullmatch(pattern, ANALYSIS):
            return ANALYSIS
    raise ValueError(f"the schema holds {schema}")


def allows(schema: Mapping[str, Any], value: Any) -> bool:
    """Return whether the schema allows the value; it reads of schemas what :func:`from_schema` does."""
    match schema:
        case {"oneOf": list(options)} | {"anyOf": list(options)}:
            return sum(allows(option, value) for option in options) == 1
        case {"const": only}:
            return bool(value == only)
        case {"enum": list(choices)}:
            return not isinstance(value, bool) and value in choices
        case {"type": "object", "properties": dict(properties), "additionalProperties": False}:
            named = isinstance(value, dict) and value.keys() == properties.keys()
            return named and all(allows(one, value[name]) for name, one in properties.items())
        case {"type": "array", "items": items, "minItems": int(least), "maxItems": int(most)}:
            counted = isinstance(value, list) and least <= len(value) <= most
            return counted and all(allows(items, one) for one in value)
        case {"type": "integer", "minimum": int(least), "maximum": int(most)}:
            return type(value) is int and least <= value <= most
        case {"type": "string", "pattern": str(pattern)}:
            return isinstance(value, str) and re.fullmatch(pattern, value) is not None
    raise ValueError(f"the schema holds {schema}")


def relayed(url: str) -> Answer:
    """Return the answers of a real server with OpenAI's wire, for this one to be its front.

    Args:
        url: where it is, without ``/v1``.
    """
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def answer(request: Request) -> Said | Failed:
        options = {
            ("max_tokens" if name == "num_predict" else name): value for name, value in request["options"].items()
        }
        body = {
            "model": request["model"],
            "messages": request["messages"],
            "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": request["format"]}},
            **options,
        }
        question = urllib.request.Request(
            f"{url}/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        try:
            with opener.open(question, timeout=120) as response:
                said = json.load(response)
        except urllib.error.HTTPError as error:
            return Failed(error.code, error.read().decode(errors="replace"))
        choice, usage = said["choices"][0], said["usage"]
        return Said(
            choice["message"]["content"], choice["finish_reason"], usage["prompt_tokens"], usage["completion_tokens"]
        )

    return answer


@dataclass
class StandIn:
    """The server; as a context it runs.

    Args:
        answer: what the model says to a request.
        script: what happens to the first chats, in order: a trouble, words of the model, or ``None`` for ``answer``.
        always: what happens to every chat after the script.
        models: the models that the server has.
        seconds: how long each answer takes.
        key: what a request's authorization must be; empty for none.
        about: what is answered to a path instead of what would be, as (status, body); status 0 sends the body alone, as
            all that there is of a response.
        port: 0 for any.
    """

    answer: Answer = drawn
    script: Iterable[Trouble | str | None] = ()
    always: Trouble | None = None
    models: Mapping[str, Model] = field(default_factory=lambda: {MODEL: Model()})
    seconds: float = 0.0
    key: str = ""
    about: Mapping[str, tuple[int, bytes]] = field(default_factory=dict)
    port: int = 0

    def __post_init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        """(path, headers, body) of everything that was asked."""
        self.loaded: set[str] = set()
        self.ending = threading.Event()
        self.left = threading.Event()
        """Set when a client has gone in the middle of its response."""
        self._script = list(self.script)
        self._turn = threading.Lock()
        stand_in = self

        class Bound(_Handler):
            server_of = stand_in

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Bound)
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """Where the server is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def chats(self) -> list[Any]:
        """The bodies of the chats that were asked, in order."""
        return [json.loads(body) for path, _, body in self.requests if path.endswith(("/chat", "/completions"))]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ending.set()
        self._server.shutdown()
        self._server.server_close()

    def said(self, request: Request) -> Said | Failed | Trouble:
        """Return what happens to a chat that is well formed."""
        with self._turn:
            now = self._script.pop(0) if self._script else self.always
        self.ending.wait(self.seconds)
        if isinstance(now, Trouble) and now not in _TROUBLED_ANSWERS:
            return now
        answer = self.answer(request) if now is None or isinstance(now, Trouble) else now
        if isinstance(answer, Failed):
            return answer
        said = Said(answer) if isinstance(answer, str) else answer
        said = _TROUBLED_ANSWERS[now](said) if isinstance(now, Trouble) else said
        return now if now is Trouble.UNFINISHED else _budgeted(said, request)


def _budgeted(said: Said, request: Request) -> Said | Failed:
    """Return what is left of an answer under the request's limits, counted unless the model counted itself."""
    options = request.get("options", {})
    prompt = sum(len(message["content"]) for message in request["messages"]) // CHARACTERS_PER_TOKEN + 1
    prompt = said.prompt_tokens if said.prompt_tokens is not None else prompt
    if prompt > options.get("num_ctx", 4096) and request.get("truncate") is False:
        return Failed(400, '{"error":{"code":400,"message":"exceeds the context","type":"exceed_context_size_error"}}')
    if said.answer_tokens is not None:
        return said
    budget = options.get("num_predict", -1)
    tokens = len(said.content) // CHARACTERS_PER_TOKEN + 1
    if 0 <= budget < tokens:
        return Said(said.content[: budget * CHARACTERS_PER_TOKEN], "length", prompt, budget)
    return Said(said.content, said.done_reason, prompt, tokens)


_TROUBLED_ANSWERS: Final[Mapping[Trouble, Callable[[Said], Said]]] = {
    Trouble.UNFINISHED: lambda said: said,
    Trouble.TRUNCATE: lambda said: Said(said.content[: len(said.content) // 2], "length"),
    Trouble.EMPTY: lambda _: Said(""),
    Trouble.BLANK: lambda _: Said(" \n\t "),
    Trouble.STOPPED: lambda said: Said(said.content, "unload"),
    Trouble.SURROGATE: lambda said: Said(said.content[:-1] + "\ud83d"),
    Trouble.PROSE: lambda _: Said("I am sorry, but as a language model I cannot give financial advice."),
}

_PAGE: Final = b"<!doctype html><html><body><h1>Welcome to nginx!</h1></body></html>"


class _Handler(BaseHTTPRequestHandler):
    server_of: StandIn
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def do_GET(self) -> None:
        self._received()
        if self._told():
            return
        match self.path:
            case "/":
                self._send(200, b"Ollama is running", "text/plain; charset=utf-8")
            case "/api/version":
                self._json(200, {"version": VERSION})
            case "/api/tags":
                self._json(200, {"models": [self._entry(name) for name in self.server_of.models]})
            case "/api/ps":
                loaded = [self._entry(name) for name in sorted(self.server_of.loaded)]
                self._json(200, {"models": [{**entry, "size_vram": 0, "context_length": 4096} for entry in loaded]})
            case "/v1/models":
                names = [{"id": name, "object": "model", "owned_by": "library"} for name in self.server_of.models]
                self._json(200, {"object": "list", "data": names})
            case _:
                self._send(404, b"404 page not found", "text/plain")

    def do_POST(self) -> None:
        body = self._received()
        key = self.server_of.key
        if key and self.headers.get("authorization") != f"Bearer {key}":
            self._json(401, {"error": {"message": f"Incorrect API key: {self.headers.get('authorization')}"}})
            return
        if self._told():
            return
        match self.path:
            case "/api/chat":
                self._chat(body)
            case "/api/show":
                self._show(body)
            case "/v1/chat/completions":
                self._complete(body)
            case _:
                self._send(404, b"404 page not found", "text/plain")

    def _told(self) -> bool:
        status, body = self.server_of.about.get(self.path, (None, b""))
        if status:
            self._send(status, body)
        elif status == 0:
            self.wfile.write(body)
            self.close_connection = True
        return status is not None

    def _chat(self, body: bytes) -> None:
        request = self._object(body)
        fault = None if request is None else self._fault(request)
        if request is None or fault:
            self._error(*(fault or (400, "missing request body")))
            return
        name = str(request["model"])
        if not request.get("messages"):
            (self.server_of.loaded.discard if request.get("keep_alive") == 0 else self.server_of.loaded.add)(name)
            reason = "unload" if request.get("keep_alive") == 0 else "load"
            self._json(200, self._reply(name, "", done=True, done_reason=reason))
            return
        said = self.server_of.said(request)
        if isinstance(said, Said | Trouble) and said not in {Trouble.LOAD, Trouble.PULLED_OFF}:
            self.server_of.loaded.add(name)
        if said is Trouble.UNFINISHED:
            self._json(200, self._reply(name, '{"analysis":"aaaaaaaaaaaaaaaaaa', done=False))
        elif isinstance(said, Trouble):
            self._trouble(said)
        elif isinstance(said, Failed):
            self._error(said.status, said.message)
        else:
            counts = {"prompt_eval_count": said.prompt_tokens, "eval_count": said.answer_tokens}
            counts = {name: count for name, count in counts.items() if count}
            if request.get("stream", True):
                lines = [self._reply(name, character, done=False) for character in said.content]
                lines.append(self._reply(name, "", done=True, done_reason=said.done_reason, **counts))
                text = "".join(json.dumps(line) + "\n" for line in lines)
                self._send(200, text.encode(), "application/x-ndjson")
            else:
                whole = self._reply(name, said.content, done=True, done_reason=said.done_reason)
                self._json(200, {**whole, "total_duration": 2254970291, **counts, "eval_duration": 175000000})

    def _complete(self, body: bytes) -> None:
        asked = self._object(body)
        if asked is None or asked.get("model") not in self.server_of.models:
            self._error(404 if asked else 400, "model not found")
            return
        request = {
            "model": asked["model"],
            "messages": asked["messages"],
            "format": asked["response_format"]["json_schema"]["schema"],
            "options": {"num_predict": asked.get("max_tokens", -1)},
        }
        said = self.server_of.said(request)
        if isinstance(said, Failed):
            self._error(said.status, said.message)
            return
        if isinstance(said, Trouble) and said is not Trouble.UNFINISHED:
            self._trouble(said)
            return
        content, reason = ("{", None) if isinstance(said, Trouble) else (said.content, said.done_reason)
        usage = {"prompt_tokens": 1, "completion_tokens": 0}
        if isinstance(said, Said):
            usage = {"prompt_tokens": said.prompt_tokens or 0, "completion_tokens": said.answer_tokens or 0}
        message = {"role": "assistant", "content": content}
        self._json(
            200,
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "model": asked["model"],
                "system_fingerprint": "fp_stand_in",
                "choices": [{"index": 0, "message": message, "finish_reason": reason}],
                "usage": usage,
            },
        )

    def _show(self, body: bytes) -> None:
        name = str((self._object(body) or {}).get("model"))
        if name not in self.server_of.models:
            self._error(404, f"model '{name}' not found")
            return
        info = {"general.architecture": "qwen2", "general.parameter_count": 1543714304, "qwen2.context_length": 32768}
        self._json(200, {"template": "", "details": {}, "model_info": info, "capabilities": ["completion", "tools"]})

    def _fault(self, request: Request) -> tuple[int, str] | None:
        """Return what Ollama refuses before it asks the model."""
        name, options, wanted = request.get("model"), request.get("options", {}), request.get("format")
        if not name:
            return 400, "model is required"
        if name not in self.server_of.models:
            return 404, f"model '{name}' not found"
        if request.get("think"):
            return 400, f'"{name}" does not support thinking'
        for option, value in options.items():
            if isinstance(value, str):
                return 500, f'option "{option}" must be of type float32'
        if not (wanted is None or wanted == "json" or isinstance(wanted, dict)):
            return 500, f'invalid format: "{wanted}"; expected "json" or a valid JSON Schema object'
        return None

    def _trouble(self, trouble: Trouble) -> None:
        match trouble:
            case Trouble.BUSY:
                self._error(503, "server busy, please try again.  maximum pending requests exceeded")
            case Trouble.LOAD:
                self._error(500, "llama-server process has terminated: signal: killed")
            case Trouble.BAD_GATEWAY:
                self._send(502, _PAGE, "text/html")
            case Trouble.REFUSED:
                self._error(400, "invalid request")
            case Trouble.UNAUTHORISED:
                self._error(401, "unauthorized")
            case Trouble.REDIRECT:
                self._send(307, b"", "text/plain", {"Location": "http://192.0.2.1/api/chat"})
            case Trouble.PULLED_OFF:
                self._error(404, 'model "gone" not found, try pulling it first')
            case Trouble.NO_SUCH_PAGE:
                self._send(404, _PAGE, "text/html")
            case Trouble.HTML:
                self._send(200, _PAGE, "text/html")
            case Trouble.NOT_JSON:
                self._send(200, b'{"model":"m","message":{"role":"assistant","content":"{')
            case Trouble.LIST:
                self._send(200, b'["message","done"]')
            case Trouble.WRONG_TYPES:
                self._send(200, b'{"model":3,"message":[1],"done":{},"choices":[7]}')
            case Trouble.DEEP:
                self._send(200, b'{"message":' + b"[" * 200_000)
            case Trouble.BINARY:
                self._send(200, bytes(range(256)))
            case Trouble.PACKED:
                self._send(200, b"\x1f\x8b\x08\x00", extra={"Content-Encoding": "gzip"})
            case Trouble.MIDSTREAM:
                line = json.dumps(self._reply(MODEL, "{", done=False))
                error = '{"error":"an error was encountered while running the model"}'
                self._send(200, f"{line}\n{error}\n".encode(), "application/x-ndjson")
            case Trouble.ENDLESS:
                self._start(200, 2**40)
                while not self.server_of.ending.is_set():
                    self.wfile.write(b" " * 2**20)
            case Trouble.HANG:
                self.server_of.ending.wait(60)
            case Trouble.DRIBBLE:
                self._start(200, 10_000)
                while not self.server_of.ending.wait(0.02):
                    self.wfile.write(b" ")
                    self.wfile.flush()
            case Trouble.DROP_HALF:
                self._start(200, 10_000)
                self.wfile.write(b'{"model":"m","message":{')
            case Trouble.NOT_HTTP:
                self.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")
            case Trouble.DROP:
                pass
            case _:
                raise AssertionError(f"{trouble} is a trouble of an answer")
        self.close_connection = True

    def _received(self) -> bytes:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server_of.requests.append((self.path, headers, body))
        return body

    @staticmethod
    def _object(body: bytes) -> dict[str, Any] | None:
        try:
            value = json.loads(body)
        except ValueError:
            return None
        return value if isinstance(value, dict) else None

    def _entry(self, name: str) -> dict[str, Any]:
        model = self.server_of.models[name]
        details = {"format": "gguf", "family": "qwen2", "parameter_size": "1.5B", "quantization_level": "Q4_K_M"}
        entry = {"name": name, "model": name, "size": 986061892, "digest": model.digest, "details": details}
        return entry | ({"remote_host": model.remote_host, "remote_model": name} if model.remote_host else {})

    @staticmethod
    def _reply(name: str, content: str, **more: object) -> dict[str, Any]:
        return {"model": name, "created_at": CREATED, "message": {"role": "assistant", "content": content}, **more}

    def _error(self, status: int, message: str) -> None:
        self._json(status, {"error": message})

    def _json(self, status: int, value: object) -> None:
        self._send(status, json.dumps(value).encode(), "application/json; charset=utf-8")

    def _send(
        self, status: int, body: bytes, kind: str = "application/json", extra: Mapping[str, str] | None = None
    ) -> None:
        self._start(status, len(body), kind, extra)
        self.wfile.write(body)

    def _start(
        self, status: int, length: int, kind: str = "application/json", extra: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(length), **(extra or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.flush()

    def handle(self) -> None:
        """Serve a connection; a client that goes away at its deadline is no news."""
        try:
            super().handle()
        except ConnectionError:
            self.server_of.left.set()
            self.close_connection = True


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.policy.llm.stand_in", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 for any that is free")
    parser.add_argument("--model", default=MODEL, help="name of the one model that it has")
    parser.add_argument("--seconds", type=float, default=0.0, help="how long each answer takes")
    parser.add_argument("--front", metavar="URL", help="let a real server with OpenAI's wire answer")
    parser.add_argument("--always", type=Trouble, choices=list(Trouble), help="what goes wrong with every chat")
    given = parser.parse_args()
    models = {given.model: Model(hashlib.sha256(given.model.encode()).hexdigest())}
    answer = relayed(given.front) if given.front else drawn
    with StandIn(answer, models=models, always=given.always, seconds=given.seconds, port=given.port) as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            sys.stdout.write(f"{len(server.chats)} chats\n")


if __name__ == "__main__":
    main()
