/** Lists, page after page. */

export interface PageOf<T> {
  data: T[];
  next_cursor?: string | null;
}

/**
 * Every entry of a list: `for await (const session of paginate((cursor) => wharf.listSessions({ cursor })))`.
 *
 * A page is asked for when the one before has been read.
 */
export async function* paginate<T>(page: (cursor: string | null) => Promise<PageOf<T>>): AsyncGenerator<T, void, undefined> {
  let cursor: string | null = null;
  do {
    const got: PageOf<T> = await page(cursor);
    yield* got.data;
    cursor = got.next_cursor ?? null;
  } while (cursor !== null);
}
