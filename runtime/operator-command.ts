const program = process.env.OPERATE_COMMAND || "bun run";

/** How one of the operator's commands is called, for messages: from a checkout, or as the image says. */
export const operatorCommand = (command: string) => `\`${program} ${command}\``;
