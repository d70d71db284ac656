/**
 * @file The page at /docs: shows /openapi.json with Swagger UI, which sends its requests to this server. A server with API keys gives
 * its description only to those who have one, so the page asks for the key. The key stays in the memory of the page.
 */
const [status, access, input] = ['status', 'access', 'key'].map((id) => document.getElementById(id));
let key = '';

/** Shows the description, or says why there is none. */
async function show() {
  const headers = key === '' ? {} : { Authorization: `Bearer ${key}` };
  const answer = await fetch('openapi.json', { headers }).catch(() => undefined);
  access.hidden = answer?.status !== 401;
  if (answer?.status === 401) {
    status.textContent = key === '' ? 'This server needs an API key.' : 'The server does not accept this key.';
    input.focus();
  } else if (answer?.status === 503) {
    status.textContent = 'The model is loading.';
    setTimeout(show, 1000);
  } else if (!answer?.ok) {
    status.textContent = 'The server does not answer.';
  } else {
    status.textContent = '';
    const send = (request) => {
      Object.assign(request.headers, headers);
      return request;
    };
    globalThis.SwaggerUIBundle({
      spec: await answer.json(),
      dom_id: '#api',
      requestInterceptor: send,
      // Nothing is asked of other hosts.
      validatorUrl: null,
      defaultModelsExpandDepth: -1,
    });
  }
}

access.addEventListener('submit', (event) => {
  event.preventDefault();
  key = input.value;
  void show();
});
await show();
