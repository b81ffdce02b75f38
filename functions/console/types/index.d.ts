// Types of the API's responses, read from the contract by path and method, so that a renamed field fails the check.

import type { paths } from "./api.d.ts";

type Json<Response> = Response extends { content: { "application/json": infer Body } } ? Body : never;
type Responses<Operation> = Operation extends { responses: infer All } ? All : never;

/** The body that a route returns with a status. */
export type Returned<Path extends keyof paths, Method extends keyof paths[Path], Status extends PropertyKey = 200> =
  Status extends keyof Responses<paths[Path][Method]> ? Json<Responses<paths[Path][Method]>[Status]> : never;

/** An item of a route that returns a list. */
export type Item<Path extends keyof paths> = Returned<Path, "get"> extends { items: (infer Item)[] } ? Item : never;

/** The signed-in user. */
export type User = Returned<"/auth/whoami", "get">;

/** What a page gets from the frame. */
export interface Context {
  /** Whether the user has a permission; no permission is needed where none is named. */
  may(permission?: string): boolean;
  user: User;
}

/** What an element may contain; empty values are skipped, arrays are flattened. */
export type Child = Node | string | null | undefined | false | Child[];

export type Attributes = Record<string, string | number | boolean | null | undefined | ((event: Event) => unknown)>;

/** A column of a list: its title, and the content of an item's cell. */
export type Column<Item> = [title: string, cell: (item: Item) => Child];

export type Query = Record<string, FormDataEntryValue | null>;

/** A list that can be read again, with another query or the same. */
export type Table = HTMLElement & { reload(query?: Query): Promise<void> };

/** A problem, as the API returns it (RFC 9457). */
export interface Problem {
  detail?: string;
  code?: string;
  errors?: { field: string; message: string }[];
}
