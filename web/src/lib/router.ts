/** Views and their addresses. All of them lie behind '#', so that the service serves one file and no log sees a code. */

export type Route =
  | { readonly name: 'home' | 'sign-in' | 'overview' | 'new-network' | 'train' | 'predict' }
  | { readonly name: 'audit'; readonly network?: string }
  | { readonly name: 'join'; readonly code: string }
  | { readonly name: 'network'; readonly id: string }
  | { readonly name: 'missing'; readonly path: string };

const PLAIN: Readonly<Record<string, Exclude<Route['name'], 'join' | 'network' | 'missing'>>> = {
  '': 'home',
  'sign-in': 'sign-in',
  overview: 'overview',
  'networks/new': 'new-network',
  audit: 'audit',
  train: 'train',
  predict: 'predict',
};

/** The route of `location.hash`; what nobody knows is 'missing'. */
export function parseRoute(hash: string): Route {
  const path = hash.replace(/^#?\/*/, '').replace(/\/+$/, '');
  const plain = Object.hasOwn(PLAIN, path) ? PLAIN[path] : undefined;
  if (plain !== undefined) return { name: plain };
  const [, code] = /^join[/=]([A-Za-z0-9_.~-]{1,200})$/.exec(path) ?? [];
  if (code !== undefined) return { name: 'join', code };
  const [, network] = /^audit\/([0-9a-f]{16,64})$/.exec(path) ?? [];
  if (network !== undefined) return { name: 'audit', network };
  const [, id] = /^networks\/([0-9a-f]{16,64})$/.exec(path) ?? [];
  if (id !== undefined) return { name: 'network', id };
  return { name: 'missing', path: path.slice(0, 80) };
}

/** `#/networks/…` of a route; the inverse of `parseRoute`. */
export function href(route: Route): string {
  switch (route.name) {
    case 'join':
      return `#/join/${route.code}`;
    case 'audit':
      return route.network === undefined ? '#/audit' : `#/audit/${route.network}`;
    case 'network':
      return `#/networks/${route.id}`;
    case 'missing':
      return `#/${route.path}`;
    default:
      return `#/${Object.entries(PLAIN).find(([, name]) => name === route.name)?.[0] ?? ''}`;
  }
}

const TITLES: Readonly<Record<Route['name'], string>> = {
  home: 'Hermetic',
  'sign-in': 'Sign in',
  overview: 'Overview',
  'new-network': 'New network',
  network: 'Network',
  audit: 'Audit log',
  join: 'Invitation',
  train: 'Train',
  predict: 'Predict',
  missing: 'Nothing here',
};

/** What a browser's tab says. */
export function titleOf({ name }: Route): string {
  return name === 'home' ? TITLES.home : `${TITLES[name]} · Hermetic`;
}

/** The code in a pasted invitation: a link, or the code alone. */
export function invitationCode(text: string): string | undefined {
  const trimmed = text.trim();
  const [, code = trimmed] = /#\/?join[/=]([^\s/?#]+)/.exec(trimmed) ?? [];
  return /^[A-Za-z0-9_.~-]{20,200}$/.test(code) ? code : undefined;
}
