import { checkModel } from './suite.ts';

checkModel('qwen3', { unnamed: ['attn_out'], fixtures: ['embed', 'none'] });
checkModel('qwen3-rank', { unnamed: ['attn_out'], fixtures: ['rank'] });
