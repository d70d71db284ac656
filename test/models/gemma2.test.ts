import { checkModel } from './suite.ts';

// llama.cpp scales the queries, we the scores; it does not number these norms.
checkModel('gemma2', {
  absent: ['kq', 'kq_scaled_1', 'kq_tanh', 'kq_scaled_2', 'ffn_post_norm'],
  unnamed: ['kq', 'ffn_post_norm'],
});
