/**
 * @file The rows of the option table about images.
 */
import { exifModes, mediaPoolings } from '../../engine/images/options.ts';
import { MAX_INT, type OptionSpec } from './option-types.ts';

const seeing = ['serve', 'embed', 'rerank', 'trace'] as const;

const images = { commands: ['embed'], anyOf: ['images', 'jsonl', 'output'] } as const;
const tracedImages = { commands: ['trace'], anyOf: ['images'] } as const;
const rankedImages = { commands: ['rerank'], anyOf: ['images', 'queryImages', 'jsonl'] } as const;
const tower = {
  commands: ['serve'],
  anyOf: ['mmproj', 'mmprojUrl', 'hfRepo', 'modelsDir', 'modelsPreset'],
  orSeveral: 'model',
  orHub: 'model',
} as const;
/** What options about images need: a vision tower, and for commands other than serve, an image. */
const toSee = [images, tracedImages, rankedImages, tower, { feature: 'tower' }] as const;
/** The same for options of llama.cpp. */
const toSeeAsLlama = [
  { ...images, note: true },
  { ...tracedImages, note: true },
  { ...rankedImages, note: true },
  { ...tower, note: true },
  { feature: 'tower' },
] as const;

export const imageOptions = [
  {
    name: 'mmproj',
    flags: ['-mm', '--mmproj'],
    env: 'LLAMA_ARG_MMPROJ',
    type: 'string',
    value: 'FILE|hf:USER/REPO[:QUANT]',
    path: 'file',
    commands: seeing,
    needs: [
      { ...images, note: true },
      { ...tracedImages, note: true },
      { ...rankedImages, note: true },
    ],
    help: 'the GGUF file with the vision tower (mmproj) that belongs to the model, for inputs with images; or the one of a repository of the hub',
  },
  {
    name: 'mmprojUrl',
    flags: ['-mmu', '--mmproj-url'],
    env: 'LLAMA_ARG_MMPROJ_URL',
    type: 'string',
    value: 'URL',
    commands: seeing,
    needs: [
      { ...images, note: true },
      { ...tracedImages, note: true },
      { ...rankedImages, note: true },
      { noneOf: ['mmproj'] },
    ],
    help: 'the vision tower by URL, downloaded into the cache',
  },
  {
    name: 'mmprojAuto',
    flags: ['--mmproj-auto'],
    off: ['--no-mmproj', '--no-mmproj-auto'],
    env: 'LLAMA_ARG_MMPROJ_AUTO',
    type: 'switch',
    default: true,
    commands: seeing,
    needs: [{ noneOf: ['mmproj', 'mmprojUrl'], note: true }],
    help: 'for a model of the hub (-hf, -m hf:USER/REPO), also use the vision tower of its repository, if it has one',
  },
  {
    name: 'images',
    flags: ['--image'],
    type: 'list',
    repeats: true,
    value: 'FILE',
    path: 'file',
    commands: ['embed', 'rerank', 'trace'],
    help: 'an image; may be given several times. embed and trace make one input of them and the text: a marker <__media__> in the text says where each image is, and without markers they come first. rerank ranks them as documents',
  },
  {
    name: 'queryImages',
    flags: ['--query-image'],
    type: 'list',
    repeats: true,
    value: 'FILE',
    path: 'file',
    commands: ['rerank'],
    help: 'an image that belongs to the query; may be given several times, and comes before its text',
  },
  {
    name: 'imageMinTokens',
    flags: ['--image-min-tokens'],
    env: 'LLAMA_ARG_IMAGE_MIN_TOKENS',
    type: 'integer',
    value: 'N',
    default: 0,
    min: -MAX_INT,
    max: MAX_INT,
    commands: seeing,
    needs: toSeeAsLlama,
    help: 'fewest tokens of an image; smaller images are enlarged. Less than 1 means the default of the vision tower; towers that take one square size ignore it',
  },
  {
    name: 'imageMaxTokens',
    flags: ['--image-max-tokens'],
    env: 'LLAMA_ARG_IMAGE_MAX_TOKENS',
    type: 'integer',
    value: 'N',
    default: 0,
    min: -MAX_INT,
    max: MAX_INT,
    commands: seeing,
    needs: toSeeAsLlama,
    help: 'most tokens of an image; larger images are reduced. Less than 1 means the default of the vision tower',
  },
  {
    name: 'mediaPooling',
    flags: ['--media-pooling'],
    env: 'GGUF_EMBED_MEDIA_POOLING',
    type: 'string',
    value: 'PART',
    choices: mediaPoolings,
    commands: seeing,
    needs: toSee,
    help: 'the part of an input with images that pooling uses. last-text, the default, is the text after the last image, as in llama.cpp; whole is the whole input, which multi-vector models need',
  },
  {
    name: 'imageExif',
    flags: ['--image-exif'],
    env: 'GGUF_EMBED_IMAGE_EXIF',
    type: 'string',
    value: 'MODE',
    default: 'ignore',
    choices: exifModes,
    commands: seeing,
    needs: toSee,
    help: 'whether to rotate images as their EXIF data says; llama.cpp does not',
  },
  {
    name: 'imageBackground',
    flags: ['--image-background'],
    env: 'GGUF_EMBED_IMAGE_BACKGROUND',
    type: 'string',
    value: 'COLOR',
    commands: seeing,
    needs: toSee,
    help: 'background colour for transparent images, as rrggbb; by default alpha is dropped, as in llama.cpp',
  },
  {
    name: 'imageCache',
    flags: ['--image-cache'],
    env: 'GGUF_EMBED_IMAGE_CACHE',
    type: 'integer',
    value: 'MIB',
    default: 256,
    min: 0,
    max: MAX_INT,
    commands: ['serve'],
    needs: toSee,
    help: 'memory for encoded images, so that a repeated image is not encoded again',
  },
  {
    name: 'allowImageUrls',
    flags: ['--allow-image-urls'],
    env: 'GGUF_EMBED_ALLOW_IMAGE_URLS',
    type: 'list',
    value: 'HOST,...',
    commands: ['serve'],
    needs: toSee,
    help: 'hosts from which images in requests may be fetched; private networks and redirects are always refused',
  },
] as const satisfies readonly OptionSpec[];
