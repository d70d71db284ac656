/**
 * @file An area that takes a file: dropped, or chosen with a button.
 */
import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';

/** What the area takes. */
interface DropZoneProps {
  /** Of the button. */
  readonly label: string;
  /** Endings of the names of files: `.gguf`. */
  readonly accept: string;
  /** Takes several files at a time. */
  readonly isMultiple?: boolean;
  /** Called with each file. */
  readonly onFile: (file: File) => void;
  readonly children?: ComponentChildren;
}

/** The button opens the browser's own dialog. */
export function DropZone({ label, accept, isMultiple = false, onFile, children }: DropZoneProps) {
  const input = useRef<HTMLInputElement>(null);
  const [isOver, setOver] = useState(false);
  const take = (files: FileList | null | undefined) => {
    for (const file of [...(files ?? [])].slice(0, isMultiple ? undefined : 1)) onFile(file);
  };
  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    take(event.dataTransfer?.files);
  };
  const onOver = (event: DragEvent) => {
    event.preventDefault();
    setOver(true);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the button does the same
    <div class={isOver ? 'drop over' : 'drop'} onDragOver={onOver} onDragLeave={() => setOver(false)} onDrop={onDrop}>
      {children}
      <button type="button" onClick={() => input.current?.click()}>
        {label}
      </button>
      <input
        ref={input}
        type="file"
        hidden
        accept={accept}
        multiple={isMultiple}
        aria-label={label}
        onChange={({ currentTarget }) => {
          take(currentTarget.files);
          currentTarget.value = '';
        }}
      />
    </div>
  );
}
