"""What `npm run bench:bulk -- --baseline PYTHON` compares a job with: sentence-transformers, Parquet in, Parquet out.

    baseline.py checkout MODEL.gguf FOLDER     writes the weights of a BERT model as float32, as sentence-transformers reads them
    baseline.py embed FOLDER IN.parquet OUT.parquet

Needs sentence-transformers, gguf and pyarrow.
"""
import sys
from pathlib import Path


def checkout(path, folder):
    import torch
    from gguf import GGUFReader, dequantize
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Normalize, Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    reader = GGUFReader(path)
    value = lambda key: reader.fields[key].contents()
    if value("general.architecture") != "bert" or value("bert.pooling_type") != 1:
        raise SystemExit(f"{path}: the baseline knows BERT models with mean pooling only")
    weights = {t.name: torch.tensor(dequantize(t.data, t.tensor_type)) for t in reader.tensors}
    pieces = value("tokenizer.ggml.tokens")
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=value("bert.embedding_length"),
        num_hidden_layers=value("bert.block_count"),
        num_attention_heads=value("bert.attention.head_count"),
        intermediate_size=value("bert.feed_forward_length"),
        max_position_embeddings=value("bert.context_length"),
        layer_norm_eps=value("bert.attention.layer_norm_epsilon"),
    )
    model = BertModel(config, add_pooling_layer=False)
    names = {"token_embd": "embeddings.word_embeddings", "position_embd": "embeddings.position_embeddings",
             "token_types": "embeddings.token_type_embeddings", "token_embd_norm": "embeddings.LayerNorm"}
    for i in range(config.num_hidden_layers):
        layer = f"encoder.layer.{i}"
        names |= {f"blk.{i}.attn_{x}": f"{layer}.attention.self.{y}" for x, y in (("q", "query"), ("k", "key"), ("v", "value"))}
        names |= {f"blk.{i}.attn_output": f"{layer}.attention.output.dense",
                  f"blk.{i}.attn_output_norm": f"{layer}.attention.output.LayerNorm",
                  f"blk.{i}.ffn_up": f"{layer}.intermediate.dense", f"blk.{i}.ffn_down": f"{layer}.output.dense",
                  f"blk.{i}.layer_output_norm": f"{layer}.output.LayerNorm"}
    state = {f"{names[name]}.{kind}": w for (name, _, kind), w in ((n.rpartition("."), w) for n, w in weights.items())}
    missing, unexpected = model.load_state_dict(state, strict=False)
    if unexpected or [name for name in missing if "position_ids" not in name]:
        raise SystemExit(f"{path}: missing {missing}, unexpected {unexpected}")

    out = Path(folder)
    out.mkdir()
    model.save_pretrained(out)
    # The vocabulary of GGUF marks beginnings of words; that of BERT marks the other pieces.
    plain = [p[1:] if p.startswith("▁") else p if p.startswith("[") and p.endswith("]") else f"##{p}" for p in pieces]
    (out / "vocab.txt").write_text("\n".join(plain) + "\n", encoding="utf-8")
    BertTokenizerFast(str(out / "vocab.txt")).save_pretrained(out)
    transformer = Transformer(str(out), max_seq_length=config.max_position_embeddings)
    SentenceTransformer(modules=[transformer, Pooling(config.hidden_size, "mean"), Normalize()]).save(str(out))


def embed(folder, source, target):
    import pyarrow as pa
    import pyarrow.parquet as pq
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(folder, device="cpu")
    rows = pq.read_table(source)
    vectors = model.encode(rows["text"].to_pylist(), show_progress_bar=False)
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    pq.write_table(rows.append_column("embedding", column), target)


if __name__ == "__main__":
    {"checkout": checkout, "embed": embed}[sys.argv[1]](*sys.argv[2:])
