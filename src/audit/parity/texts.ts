/**
 * @file The texts of `parity` when the user gives none: short and long, in several scripts, and difficult for tokenizers.
 */
export const parityTexts: readonly string[] = [
  'Hello, world',
  'The quick brown fox jumps over the lazy dog.',
  'A man is playing a guitar on the stage.',
  'Somebody plays an instrument in front of an audience.',
  'How do I reset my password?',
  'You can change your password in the settings of your account.',
  'The central bank raised interest rates by 0.25 % on Wednesday, 14 June 2023.',
  'def mean(values):\n    return sum(values) / len(values)',
  'Schöne Grüße aus Köln: der Straßenkäse heißt „Limburger“.',
  'Le château où naquit l’abbé Prévost n’existe plus.',
  'Быстрая коричневая лиса перепрыгивает через ленивую собаку.',
  '敏捷的棕色狐狸跳过了懒狗。',
  '素早い茶色の狐がのろまな犬を飛び越える。',
  'e\u0301tude, étude, İstanbul, ǅ, ﬁne, 𝕌nicode, 👩‍👩‍👧 and 🏳️‍🌈',
  'antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis',
  'tabs\tand   many    spaces\r\nand line breaks',
  `${'The river flows through the valley, past the old mill and the village, and into the sea. '.repeat(12)}`.trim(),
];
