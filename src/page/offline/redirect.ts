/**
 * @file Opens the variant of the page for `file:`, where browsers refuse scripts that are modules.
 */
if (location.protocol === 'file:') location.replace(`offline/index.html${location.hash}`);
