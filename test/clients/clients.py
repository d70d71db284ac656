"""Asks a running server with the Python clients that people have, and prints as JSON what each of them got.

Usage: python clients.py EMBEDDINGS_URL RERANK_URL KEY
"""

import json
import struct
import sys

embeddings, reranker, key = sys.argv[1:]
texts = ["hello", "another text"]
documents = ["one", "two, a longer one", "three"]


def rounded(vectors):
    """As float32: texts carry as many digits as that needs, base64 carries the bits."""
    return [list(struct.unpack(f"{len(vector)}f", struct.pack(f"{len(vector)}f", *vector))) for vector in vectors]


def openai():
    from openai import OpenAI

    client = OpenAI(base_url=f"{embeddings}/v1", api_key=key, max_retries=0)
    # The client asks for base64 unless told otherwise.
    vectors = [entry.embedding for entry in client.embeddings.create(model="any", input=texts).data]
    floats = [entry.embedding for entry in client.embeddings.create(model="any", input=texts, encoding_format="float").data]
    assert rounded(floats) == rounded(vectors)
    short = client.embeddings.create(model="any", input=texts[0], dimensions=8).data[0].embedding
    assert len(short) == 8
    assert len(client.models.list().data) == 1
    return rounded(vectors)


def langchain():
    from langchain_openai import OpenAIEmbeddings

    # Without the last option the client tokenizes by itself, by the vocabulary of another model.
    client = OpenAIEmbeddings(base_url=f"{embeddings}/v1", api_key=key, model="any", check_embedding_ctx_length=False)
    assert client.embed_query(texts[1]) == client.embed_documents(texts)[1]
    return rounded(client.embed_documents(texts))


def litellm():
    from litellm import embedding

    answer = embedding(model="openai/any", input=texts, api_base=f"{embeddings}/v1", api_key=key)
    return rounded([entry["embedding"] for entry in answer.data])


def llama_index():
    from llama_index.embeddings.openai import OpenAIEmbedding

    client = OpenAIEmbedding(api_base=f"{embeddings}/v1", api_key=key, model_name="any", max_retries=0)
    return rounded(client.get_text_embedding_batch(texts))


def huggingface_hub():
    from huggingface_hub import InferenceClient

    client = InferenceClient(base_url=f"{embeddings}/v1/embeddings", token=key)
    return rounded(client.feature_extraction(texts).tolist())


def cohere():
    from cohere import Client

    client = Client(base_url=reranker, api_key=key)
    results = client.rerank(model="any", query="a question", documents=documents, top_n=2).results
    return [[result.index, result.relevance_score] for result in results]


def litellm_rerank():
    from litellm import rerank

    answer = rerank(
        model="infinity/any", query="a question", documents=documents, top_n=2, api_base=reranker, api_key=key
    )
    return [[result["index"], result["relevance_score"]] for result in answer.results]


answers = {}
for client in [openai, langchain, litellm, llama_index, huggingface_hub, cohere, litellm_rerank]:
    try:
        answers[client.__name__] = client()
    except Exception as error:
        answers[client.__name__] = f"{type(error).__name__}: {error}"
print(json.dumps(answers))
