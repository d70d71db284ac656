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


def huggingface_hub_tei():
    from huggingface_hub import InferenceClient

    client = InferenceClient(base_url=f"{embeddings}/embed", token=key)
    return rounded(client.feature_extraction(texts).tolist())


def llama_index_tei():
    from llama_index.embeddings.text_embeddings_inference import TextEmbeddingsInference

    client = TextEmbeddingsInference(model_name="any", base_url=embeddings, auth_token=key)
    # The client puts a prompt before texts unless told otherwise.
    client.text_instruction = client.query_instruction = ""
    assert client.get_query_embedding(texts[1]) == client.get_text_embedding(texts[1])
    return rounded(client.get_text_embedding_batch(texts))


def ollama():
    from ollama import Client, ResponseError

    client = Client(host=embeddings, headers={"Authorization": f"Bearer {key}"})
    try:
        client.embed(model="any", input="word " * 2000, truncate=False)
        raise AssertionError("an input that is too long was accepted")
    except ResponseError as error:
        assert "larger than the max context size" in error.error
    assert len(client.list().models) == 1
    return rounded(client.embed(model="any", input=texts).embeddings)


def haystack():
    from haystack import Document
    from haystack.components.embedders import OpenAIDocumentEmbedder, OpenAITextEmbedder
    from haystack.utils import Secret

    server = {"api_key": Secret.from_token(key), "api_base_url": f"{embeddings}/v1", "model": "any"}
    documents = OpenAIDocumentEmbedder(**server, progress_bar=False).run([Document(content=text) for text in texts])
    vectors = [document.embedding for document in documents["documents"]]
    assert rounded([OpenAITextEmbedder(**server).run(texts[1])["embedding"]]) == rounded(vectors[1:])
    return rounded(vectors)


def chromadb():
    import os

    from chromadb import EphemeralClient
    from chromadb.utils.embedding_functions import HuggingFaceEmbeddingServer, OpenAIEmbeddingFunction

    os.environ["SERVER_KEY"] = key
    ours = OpenAIEmbeddingFunction(api_key_env_var="SERVER_KEY", api_base=f"{embeddings}/v1", model_name="any")
    collection = EphemeralClient().create_collection("texts", embedding_function=ours)
    collection.add(ids=["0", "1"], documents=texts)
    assert collection.query(query_texts=texts[1], n_results=1)["ids"] == [["1"]]
    vectors = HuggingFaceEmbeddingServer(url=f"{embeddings}/embed", api_key_env_var="SERVER_KEY")(texts)
    return rounded(vector.tolist() for vector in vectors)


def cohere_v2():
    from cohere import ClientV2

    client = ClientV2(base_url=reranker, api_key=key)
    results = client.rerank(model="any", query="a question", documents=documents, top_n=2).results
    return [[result.index, result.relevance_score] for result in results]


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


def voyage():
    from voyageai import Client

    client = Client(base_url=f"{embeddings}/v1", api_key=key, max_retries=0)
    assert len(client.embed("word " * 2000, model="any", output_dimension=8).embeddings[0]) == 8
    return rounded(client.embed(texts, model="any", input_type="document").embeddings)


def voyage_rerank():
    from voyageai import Client

    client = Client(base_url=f"{reranker}/v1", api_key=key, max_retries=0)
    results = client.rerank("a question", documents, model="any", top_k=2).results
    return [[result.index, result.relevance_score] for result in results]


answers = {}
clients = [openai, langchain, litellm, llama_index, huggingface_hub, huggingface_hub_tei, llama_index_tei]
clients += [ollama, haystack, chromadb, voyage, cohere, cohere_v2, litellm_rerank, voyage_rerank]
for client in clients:
    try:
        answers[client.__name__] = client()
    except Exception as error:
        answers[client.__name__] = f"{type(error).__name__}: {error}"
print(json.dumps(answers))
