/** The passwords of every login of these servers. */
export const passwords = { admin: "admin-secret", pipeline: "pipeline-secret", stranger: "stranger-secret" };
