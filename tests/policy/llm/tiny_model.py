"""A tiny model with random weights behind llama.cpp's own server: what it says is noise, how it is asked is real.

It has the architecture of Qwen2 and a vocabulary of bytes and of the pieces that our prompts are made of. A grammar
holds its answers to the schema, and its budget cuts them off. ``python -m tests.policy.llm.tiny_model`` serves it until
interrupted.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np

from alphastrike.policy.llm.prompt import prompt_named, render
from alphastrike.policy.llm.report import report_of
from tests.policy.facts import situation

PROJECT: Final = Path(__file__).parents[3]
NAME: Final = "tiny"
CONTEXT: Final = 8_192
MERGES: Final = 400
"""Pairs of the vocabulary that are one token too: a prompt of bytes alone would be four times as long."""

_LAYERS: Final = 2
_WIDTH: Final = 64
_HEADS: Final = 4
_INNER: Final = 128
_STEADY: Final = 8.0
"""Channel 0 of every embedding; no layer writes to it, so that the output's weight on it is a bias of the token."""
_UNWANTED: Final = -6.0
"""Bias of what is legal in JSON almost everywhere, or hard to read: left alone, a random model pads its budget away."""
_WANTED: Final = 2.0
"""Bias of a quotation mark, so that a text has tens of characters and not the most that it may have."""
_SPECIAL: Final = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_PIECES: Final = re.compile(r"[^A-Za-z0-9\r\n]?[A-Za-z]+|[0-9]|\s?[^\sA-Za-z0-9]+|\s+")
"""As Qwen2's tokenizer divides a text before it joins bytes, for the letters that we use."""
_TEMPLATE: Final = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def write_model(path: Path, seed: int = 7) -> None:
    """Write the model as a GGUF file; the same bytes for the same seed."""
    import gguf

    merges = _merges(render(prompt_named("breaker"), report_of(situation(), mask=False))[-1].content)
    tokens = [*_byte_letters(), *("".join(pair) for pair in merges), *_SPECIAL]
    kinds = [gguf.TokenType.NORMAL] * (len(tokens) - len(_SPECIAL)) + [gguf.TokenType.CONTROL] * len(_SPECIAL)
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_name(NAME)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(_LAYERS)
    writer.add_feed_forward_length(_INNER)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(10_000.0)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_bos_token_id(tokens.index("<|endoftext|>"))
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_add_bos_token(False)
    writer.add_chat_template(_TEMPLATE)
    for name, values in _weights(tokens, seed):
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _weights(tokens: list[str], seed: int) -> Iterator[tuple[str, Any]]:
    chance = np.random.default_rng(seed)

    def drawn(rows: int, columns: int, silent: bool = False) -> Any:
        values = (chance.standard_normal((rows, columns)) / np.sqrt(columns)).astype(np.float32)
        if silent:
            values[0] = 0.0
        return values

    ones, zeros = np.ones(_WIDTH, np.float32), np.zeros(_WIDTH, np.float32)
    embedding = chance.standard_normal((len(tokens), _WIDTH)).astype(np.float32)
    embedding[:, 0] = _STEADY
    output = drawn(len(tokens), _WIDTH) * np.float32(3.0)
    output[:, 0] = [_UNWANTED if _is_unwanted(token) else _WANTED * token.startswith('"') for token in tokens]
    yield "token_embd.weight", embedding
    for layer in range(_LAYERS):
        block = f"blk.{layer}"
        yield f"{block}.attn_norm.weight", ones
        for part in "qkv":
            yield f"{block}.attn_{part}.weight", drawn(_WIDTH, _WIDTH)
            yield f"{block}.attn_{part}.bias", zeros
        yield f"{block}.attn_output.weight", drawn(_WIDTH, _WIDTH, silent=True)
        yield f"{block}.ffn_norm.weight", ones
        yield f"{block}.ffn_gate.weight", drawn(_INNER, _WIDTH)
        yield f"{block}.ffn_up.weight", drawn(_INNER, _WIDTH)
        yield f"{block}.ffn_down.weight", drawn(_WIDTH, _INNER, silent=True)
    yield "output_norm.weight", ones
    yield "output.weight", output


def _byte_letters() -> list[str]:
    """Return the letter that stands for each byte in a byte-level vocabulary: its own where that can be seen."""
    shown = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    hidden = iter(range(256, 512))
    return [chr(byte) if byte in shown else chr(next(hidden)) for byte in range(256)]


def _is_unwanted(token: str) -> bool:
    return any(not "!" <= letter <= "~" or letter == "\\" for letter in token)


def _merges(text: str) -> list[tuple[str, str]]:
    """Return the pairs that byte-pair encoding joins in the text, most frequent first, each of one token."""
    letters = _byte_letters()
    pieces = Counter(tuple(letters[byte] for byte in piece.encode()) for piece in _PIECES.findall(text))
    merges: list[tuple[str, str]] = []
    while len(merges) < MERGES:
        pairs: Counter[tuple[str, str]] = Counter()
        for piece, count in pieces.items():
            for pair in pairwise(piece):
                pairs[pair] += count
        (first, second), _ = max(pairs.items(), key=lambda item: (item[1], item[0]))
        merges.append((first, second))
        pieces = Counter({_joined(piece, first, second): count for piece, count in pieces.items()})
    return merges


def _joined(piece: tuple[str, ...], first: str, second: str) -> tuple[str, ...]:
    joined: list[str] = []
    for letter in piece:
        if joined and joined[-1] == first and letter == second:
            joined[-1] = first + second
        else:
            joined.append(letter)
    return tuple(joined)


@contextmanager
def serving() -> Iterator[str]:
    """Serve the model in a process of its own; yields the server's address."""
    command = [sys.executable, "-m", "tests.policy.llm.tiny_model"]
    with (
        tempfile.TemporaryDirectory() as folder,
        (Path(folder) / "log").open("wb") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=PROJECT) as process,
    ):
        try:
            assert process.stdout is not None
            url = next((line.strip() for line in process.stdout if line.startswith("http://")), "")
            assert url, f"the server did not start: {(Path(folder) / 'log').read_text(errors='replace')[-2000:]}"
            yield url
        finally:
            process.kill()


def main() -> None:
    """Serve until interrupted."""
    import xllamacpp

    parser = argparse.ArgumentParser(prog="python -m tests.policy.llm.tiny_model", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 for any that is free")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tiny.gguf"
        write_model(path)
        settings = xllamacpp.CommonParams()
        settings.model.path = os.fspath(path)
        settings.model_alias = {NAME}
        settings.hostnames = ["127.0.0.1"]
        settings.port = given.port
        settings.n_ctx = CONTEXT
        settings.n_parallel = 1
        settings.cpuparams.n_threads = 1  # two that wait for each other on a busy machine take a hundred times longer
        settings.cpuparams_batch.n_threads = 1
        settings.warmup = False
        server = xllamacpp.Server(settings)
        sys.stdout.write(f"{server.listening_address}\n")
        sys.stdout.flush()
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            del server


if __name__ == "__main__":
    main()
