/** An address as a log or an error may show it: without user, password, query and fragment, each of which may be a secret. */
export function shownAddress(address: string): string {
  if (!URL.canParse(address)) return "[not a URL]";
  const { protocol, host, pathname } = new URL(address);
  return `${protocol}//${host}${pathname}`;
}

/** A text with its addresses as `shownAddress` shows them: errors of libraries repeat the address that was asked. */
export const withShownAddresses = (text: string) => text.replace(/[a-z][a-z0-9+.-]*:\/\/\S+/gi, shownAddress);
