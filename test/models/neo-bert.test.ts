import { checkModel } from './suite.ts';

checkModel('neo-bert', { unnamed: ['attn_norm', 'ffn_out', 'l_out'] });
