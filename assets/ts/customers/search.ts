// Asking the server for the customers that a text may mean.

export interface Customer { id: number; name: string; email?: string | null; phone?: string | null }

export interface Found { words: string; customers: Customer[] }

const NOBODY: Found = { words: "", customers: [] };
const WAIT_MS = 150;
let running: AbortController | undefined;

/** Find customers once typing pauses; null where more was typed meanwhile. */
export async function search(url: string, text: string): Promise<Found | null> {
  running?.abort();
  const mine = running = new AbortController();
  await new Promise((resolve) => { window.setTimeout(resolve, WAIT_MS); });
  if (mine.signal.aborted) return null;
  if (!text.trim()) return NOBODY;
  try {
    const response = await fetch(`${url}?${new URLSearchParams({ q: text })}`, { signal: mine.signal });
    return response.ok && !response.redirected ? ((await response.json()) as Found) : NOBODY;
  } catch {
    return mine.signal.aborted ? null : NOBODY; // without suggestions the field is what it was
  }
}
