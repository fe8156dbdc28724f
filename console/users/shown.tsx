import { idField, singular } from "../../contract/entity.ts";
import type { FieldValue } from "../../contract/fields.ts";
import { fields, type User } from "../../contract/user.ts";

/** What lists show of a record: the texts that every record has. */
export const shownFields = fields.filter(({ kind, nullable }) => kind === "text" && !nullable).slice(0, 4);

/** A field's name as a heading. */
export const titleOf = (name: string) => name[0]?.toUpperCase() + name.slice(1).replaceAll("_", " ");

export const textOf = (user: User, name: string) => String((user as Record<string, FieldValue>)[name] ?? "");

/** Where "Where is …?" tells all about a record. */
export const whereHref = (id: string) => `/where?${new URLSearchParams({ [singular]: id })}`;

/** A record by its first texts, such as a person's names; leads to "Where is …?". */
export const UserLink = ({ user }: { user: User }) => {
  const name = shownFields.slice(0, 2).map((field) => textOf(user, field.name));
  return (
    <a href={whereHref(user[idField])} title={name.join(" ")}>
      <bdi>{name.filter(Boolean).join(" ") || user[idField]}</bdi>
    </a>
  );
};
