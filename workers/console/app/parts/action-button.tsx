/** A button for what a role may do. Without the role it is off, and says why. */
import { Button, type ButtonProps } from "@patternfly/react-core/dist/esm/components/Button";
import { Tooltip } from "@patternfly/react-core/dist/esm/components/Tooltip";

interface ActionButtonProps extends Omit<ButtonProps, "isDisabled" | "isAriaDisabled" | "ref"> {
  /** Why it is off; null where it is on. */
  readonly refused: string | null;
}

export function ActionButton({ refused, ...rest }: ActionButtonProps) {
  if (refused === null) return <Button {...rest} />;
  return (
    <Tooltip content={refused} position="top-start" flipBehavior={["top-start", "top-end", "bottom-end"]}>
      <Button {...rest} isAriaDisabled />
    </Tooltip>
  );
}
