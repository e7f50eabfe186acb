/** The version of what the edge stores, for programs that find it before the edge opens it. */

/**
 * The numbers of the registry's migrations, ascending (workers/registry/store/migrations.ts). A database with a higher
 * number is of a newer program.
 */
export const MIGRATION_NUMBERS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] as const;

export type MigrationNumber = (typeof MIGRATION_NUMBERS)[number];

/** The number of the last migration of this version. */
export const NEWEST_MIGRATION = Math.max(...MIGRATION_NUMBERS);
