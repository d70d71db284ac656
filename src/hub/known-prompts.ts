/**
 * @file The prompts that known models were trained with: texts around the inputs of queries and documents.
 */

/** Texts before and after an input. */
interface Around {
  readonly prefix?: string | undefined;
  readonly suffix?: string | undefined;
}

/** A prompt that also closes its input, or that is another one around images. */
export interface PromptLayout extends Around {
  /** The texts around an input with images, if they differ. */
  readonly image?: Around | undefined;
}

/** A prompt: a text to put before an input, or the texts around it. */
export type Prompt = string | PromptLayout;

/** Prompts by their names. */
export type PromptsByName = Readonly<Record<string, Prompt>>;

export const none = {};
export const bgePrompts = { query: 'Represent this sentence for searching relevant passages: ' };
export const bgeChinesePrompts = { query: '为这个句子生成表示以用于检索相关文章：' };
export const bgeGemmaPrompts = {
  query: '<instruct>Given a web search query, retrieve relevant passages that answer the query.\n<query>',
};
export const e5Prompts = { query: 'query: ', document: 'passage: ' };
export const nomicPrompts = {
  query: 'search_query: ',
  document: 'search_document: ',
  classification: 'classification: ',
  clustering: 'clustering: ',
};
export const instructPrompts = {
  query: 'Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: ',
};
export const qwenPrompts = {
  query: 'Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:',
};
export const gemmaPrompts = {
  query: 'task: search result | query: ',
  document: 'title: none | text: ',
  'question-answering': 'task: question answering | query: ',
  'fact-checking': 'task: fact checking | query: ',
  classification: 'task: classification | query: ',
  clustering: 'task: clustering | query: ',
  similarity: 'task: sentence similarity | query: ',
  'code-retrieval': 'task: code retrieval | query: ',
};
export const jinaV3Prompts = {
  query: 'Represent the query for retrieving evidence documents: ',
  document: 'Represent the document for retrieval: ',
};

/** A user's turn in ChatML under an instruction, and the begin of the answer, whose last token is the vector. */
const chat = (instruction: string, answer = ''): PromptLayout => ({
  prefix: `<|im_start|>system\n${instruction}<|im_end|>\n<|im_start|>user\n`,
  suffix: `<|im_end|>\n<|im_start|>assistant\n${answer}`,
});

export const qwen3VlPrompts = {
  query: chat("Retrieve images or text relevant to the user's query."),
  document: chat("Represent the user's input."),
};

const GME_INSTRUCTION = 'You are a helpful assistant.';
export const gmePrompts = {
  query: chat(GME_INSTRUCTION, '<|endoftext|>'),
  document: chat(GME_INSTRUCTION, '<|endoftext|>'),
  'text-to-image': chat('Find an image that matches the given text.', '<|endoftext|>'),
};

const describedImage = (end: string) => ({
  prefix: '<|im_start|>user\n',
  suffix: `Describe the image.<|im_end|>${end}`,
});

export const jinaV4Prompts = {
  query: 'Query: ',
  document: { prefix: 'Passage: ', image: describedImage('\n') },
};

/** The prompts of ColQwen, whose queries end with as many `<|endoftext|>` as the model has for them. */
const colQwenPrompts = (nEnds: number) => ({
  query: { prefix: 'Query: ', suffix: '<|endoftext|>'.repeat(nEnds) },
  document: { image: describedImage('<|endoftext|>') },
});
export const nomicMultimodalPrompts = colQwenPrompts(1);
export const colNomicPrompts = colQwenPrompts(10);
