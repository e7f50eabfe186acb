/** A question before something that cannot be taken back. */
import { Button } from "@patternfly/react-core/dist/esm/components/Button";
import { Form, FormGroup } from "@patternfly/react-core/dist/esm/components/Form";
import { Modal, ModalBody, ModalFooter, ModalHeader } from "@patternfly/react-core/dist/esm/components/Modal";
import { TextInput } from "@patternfly/react-core/dist/esm/components/TextInput";
import { type ReactNode, useState } from "react";
import { CommandHint } from "./command-hint.tsx";
import { Failure } from "./failure.tsx";

interface ConfirmProps {
  readonly title: string;
  /** What would happen. */
  readonly children: ReactNode;
  /** The label of the button. */
  readonly action: string;
  /** The command that does the same. */
  readonly command: string;
  /** A name that has to be typed. */
  readonly typed?: string;
  readonly isPending: boolean;
  readonly error: unknown;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

export function Confirm(props: ConfirmProps) {
  const { title, children, action, command, typed, isPending, error, onConfirm, onClose } = props;
  const [text, setText] = useState("");
  const isReady = (typed === undefined || text === typed) && !isPending;
  return (
    <Modal
      isOpen
      variant="small"
      onClose={onClose}
      aria-labelledby="confirm-title"
      aria-describedby="confirm-body"
    >
      <ModalHeader title={title} labelId="confirm-title" titleIconVariant="warning" />
      <ModalBody id="confirm-body">
        <Form
          onSubmit={(event) => {
            event.preventDefault();
            if (isReady) onConfirm();
          }}
        >
          <div>{children}</div>
          {typed === undefined ? null : (
            <FormGroup
              fieldId="confirm-typed"
              label={
                <>
                  Type <bdi>{typed}</bdi> to confirm
                </>
              }
            >
              <TextInput
                id="confirm-typed"
                autoComplete="off"
                value={text}
                onChange={(_, value) => setText(value)}
              />
            </FormGroup>
          )}
          <CommandHint command={command} />
          {error === null || error === undefined ? null : <Failure error={error} />}
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button variant="danger" isDisabled={!isReady} isLoading={isPending} onClick={onConfirm}>
          {action}
        </Button>
        <Button variant="link" onClick={onClose}>
          Cancel
        </Button>
      </ModalFooter>
    </Modal>
  );
}
