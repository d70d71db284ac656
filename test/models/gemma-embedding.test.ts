import { checkModel } from './suite.ts';

// llama.cpp scales the queries, we the scores; it does not number these norms.
checkModel('gemma-embedding', {
  fixtures: ['embed', 'none'],
  absent: ['kq', 'ffn_post_norm'],
  unnamed: ['kq', 'ffn_post_norm'],
});
