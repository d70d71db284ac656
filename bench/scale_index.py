"""How long an index over vectors takes to build, and how large it is: HNSW and IVF with product quantisation, of Faiss.

Usage: pip install faiss-cpu numpy; python bench/scale_index.py [ROWS [DIMENSIONS]]
Vectors are random around random centres. Prints vectors per second and bytes per vector for one thread.
"""

import sys
import time

import faiss
import numpy

rows = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
dimensions = int(sys.argv[2]) if len(sys.argv) > 2 else 384
random = numpy.random.default_rng(1)
centres = random.standard_normal((rows // 50, dimensions), dtype=numpy.float32)
vectors = centres[random.integers(len(centres), size=rows)] + random.standard_normal((rows, dimensions), dtype=numpy.float32)
faiss.normalize_L2(vectors)
faiss.omp_set_num_threads(1)


def report(name, index, train):
    start = time.perf_counter()
    if train:
        index.train(vectors)
    trained = time.perf_counter()
    index.add(vectors)
    added = time.perf_counter()
    size = len(faiss.serialize_index(index)) / rows
    print(f"| {name} | {trained - start:.1f} | {rows / (added - trained):.0f} | {size:.0f} |", flush=True)


print(f"Faiss {faiss.__version__}, {rows} vectors of {dimensions} dimensions, one thread\n")
print("| index | s to train | vectors/s to add | bytes a vector |\n|---|---|---|---|")
report("HNSW, 32 neighbours, float32", faiss.IndexHNSWFlat(dimensions, 32, faiss.METRIC_INNER_PRODUCT), False)
report("HNSW, 32 neighbours, int8", faiss.index_factory(dimensions, "HNSW32_SQ8", faiss.METRIC_INNER_PRODUCT), True)
report("IVF, 48 bytes (product quantisation)", faiss.index_factory(dimensions, f"IVF{rows // 100},PQ48", faiss.METRIC_INNER_PRODUCT), True)
