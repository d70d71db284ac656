import { checkModel } from './suite.ts';

checkModel('qwen2', { unnamed: ['attn_out'] });
checkModel('qwen2-bidir', { unnamed: ['attn_out'] });
