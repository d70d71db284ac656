"""Measures transformers' BertModel in f16 with SDPA on the shapes of the bench, and prints our speed over PyTorch's; also the
share of torch.matmul's dense f16 rate that our FFN products reach.

usage: torch_bert.py gpu.json torch.json
"""

import json
import sys
import time

import torch

SHAPES = {
    "MiniLM-L6": dict(num_hidden_layers=6, hidden_size=384, intermediate_size=1536, num_attention_heads=12),
    "BGE-base": dict(num_hidden_layers=12, hidden_size=768, intermediate_size=3072, num_attention_heads=12),
}


def bert(shape):
    from transformers import BertConfig, BertModel

    config = BertConfig(vocab_size=1024, attn_implementation="sdpa", **shape)
    return BertModel(config, add_pooling_layer=False).half().cuda().eval()


def best_of(run, repeats=5):
    run()
    torch.cuda.synchronize()
    best = float("inf")
    for _ in range(repeats):
        begin = time.perf_counter()
        run()
        torch.cuda.synchronize()
        best = min(best, time.perf_counter() - begin)
    return best


def tensor_rate():
    """TFLOP/s of one large f16 product."""
    n = 8192
    a, b = (torch.randn(n, n, dtype=torch.half, device="cuda") for _ in range(2))
    return 2 * n**3 / best_of(lambda: a @ b) / 1e12


def main():
    ours = json.load(open(sys.argv[1]))
    results = {"gpu": torch.cuda.get_device_name(), "torch": torch.__version__, "matmul_tflops": tensor_rate(), "models": []}
    print(f"{results['gpu']}: torch.matmul f16 {results['matmul_tflops']:.0f} TFLOP/s")
    ffn = [row for row in ours["kernels"] if row["what"].endswith("F16 8192 x 768 -> 3072")]
    for row in ffn:
        share = row["gflops"] / 1e3 / results["matmul_tflops"]
        print(f"{row['what']:40} {row['gflops'] / 1e3:7.1f} TFLOP/s, {100 * share:3.0f} % of torch.matmul")
    results["ffn_share"] = max((row["gflops"] / 1e3 / results["matmul_tflops"] for row in ffn), default=None)
    with torch.inference_mode():
        for name, shape in SHAPES.items():
            model = bert(shape)
            for row in ours["models"]:
                words = row["name"].split()
                if words[-2:-1] != [name]:
                    continue
                n_texts, length = row["nTexts"], row["length"]
                ids = torch.randint(0, 1000, (n_texts, length), device="cuda")
                seconds = best_of(lambda: model(input_ids=ids).last_hidden_state.mean(dim=1))
                rate = n_texts * length / seconds
                ratio = row["tokensPerSecond"] / rate
                results["models"].append(dict(name=row["name"], nTexts=n_texts, tokensPerSecond=rate, ratio=ratio))
                print(f"{row['name']:34} {n_texts:4} texts of {length}: torch {rate:12.0f} tokens/s, ours / torch {ratio:.2f}")
    json.dump(results, open(sys.argv[2], "w"), indent=1)


main()
