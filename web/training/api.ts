/** What the page asks of the training worker, and what it is told. Plain data: everything here crosses a thread. */
import type { TrainingRecipe } from 'hermetic/nn';
import type { FitRecipe, PlanSizes, PrivacyWish } from 'hermetic/trainer';

/** The owner's service, and the trainer's token for it. */
export interface ServiceAccess {
  /** Base address: `location.origin` for a page that the service itself serves. */
  readonly url: string;
  readonly token: string;
}

/** As `me.files` says it. */
export interface FileDigest {
  readonly bytes: number;
  readonly sha256: string;
}

export interface LoadRequest {
  readonly service: ServiceAccess;
  readonly files: { readonly keys: FileDigest; readonly model: FileDigest };
  /** Default: all cores; one where the page is not cross-origin isolated. */
  readonly threads?: number;
}

export interface LoadProgress {
  readonly file: 'keys' | 'model';
  /** 'download': bytes from the service, those that were here already included. 'read': into the engine. */
  readonly stage: 'download' | 'read';
  readonly done: number;
  readonly total: number;
}

export interface LoadedNetwork {
  readonly modelId: string;
  readonly keyId: string;
  readonly set: string;
  readonly securityBits: number;
  readonly insecure: boolean;
  readonly layers: readonly {
    readonly inputs: number;
    readonly units: number;
    readonly activation: string;
    readonly useBias: boolean;
  }[];
  /** Largest batch: that which the model was sealed for. */
  readonly batch: number;
  readonly round: number;
  readonly level: number;
  readonly maxLevel: number;
  /** What it reads. Columns of numbers or pixels, or the one column of text. */
  readonly input: { readonly kind: 'numeric' | 'text' | 'image'; readonly columns: readonly string[] };
  readonly features: number;
  readonly label: { readonly column: string; readonly classes: readonly string[] };
  readonly threads: number;
  /** Bytes that came over the network; 0 where both files were in this browser already. */
  readonly downloaded: number;
}

export interface Environment {
  readonly isolated: boolean;
  readonly cores: number;
  /** Threads that a network loaded without a wish would get. */
  readonly threads: number;
  /** 'memory': the browser gives this page no storage; nothing survives a reload. */
  readonly storage: 'disk' | 'memory';
  readonly storageUsed: number | undefined;
  readonly storageQuota: number | undefined;
}

export interface DataRequest {
  /** For messages: the file's name. */
  readonly name: string;
  /** CSV with a header line. A `File` is not copied. */
  readonly csv: Blob;
  /** To predict, there need be no labels. */
  readonly purpose: 'train' | 'predict';
  /** Column of the labels, where it is not called as in the model. */
  readonly label?: string;
}

export interface DataReport {
  readonly name: string;
  readonly purpose: 'train' | 'predict';
  readonly rows: number;
  readonly columns: readonly DataColumn[];
  /** First rows, cells as they stand but for their length. */
  readonly head: readonly (readonly string[])[];
  readonly features: number;
  /** Rows of each class, to train. */
  readonly classes: readonly { readonly name: string; readonly rows: number }[];
  /** Powers of two that a step may take, ascending; none where there are too few rows. */
  readonly batches: readonly number[];
  /** Sentences for the user. */
  readonly warnings: readonly string[];
}

export interface DataColumn {
  readonly name: string;
  readonly use: 'feature' | 'label' | 'ignored';
}

export interface Estimate {
  readonly steps: number;
  readonly batch: number;
  /** Rows shown in all, over the rows there are. */
  readonly epochs: number;
  readonly levelsPerStep: number;
  readonly maxLevel: number;
  readonly stepsPerRefresh: number;
  /** Of the whole run. */
  readonly refreshes: number;
  /** That each refresh carries. */
  readonly ciphertexts: number;
  /** Bytes of the whole run's refreshes, headers apart. */
  readonly sends: number;
  readonly receives: number;
  /** Memory of the engine at the worst moment. */
  readonly memory: number;
  readonly sizes: PlanSizes;
  /** As measured on this device, with this batch and so many threads; undefined before the first step. */
  readonly secondsPerStep: number | undefined;
}

export interface TrainRequest {
  readonly recipe: FitRecipe;
  /** Noise on every row before training. */
  readonly privacy?: PrivacyWish;
  /** Default true: the service is told how far the run is. */
  readonly report?: boolean;
}

export interface Traffic {
  /** Bytes of the bodies of requests to the owner's service and of its answers, since the run began, exactly. */
  readonly sent: number;
  readonly received: number;
  readonly refreshes: number;
}

export type TrainingState = 'checking' | 'running' | 'pausing' | 'paused' | 'stopping' | 'finishing';

export interface TrainProgress {
  readonly state: TrainingState;
  /** The run's name here, for `resume`, and in the owner's books once it is known. */
  readonly run: string;
  readonly ownerRun: string | undefined;
  /** Steps finished. */
  readonly step: number;
  readonly steps: number;
  /** What was just done within the step under way. */
  readonly phase: 'batch' | 'forward' | 'loss' | 'backward' | 'update' | 'refresh' | undefined;
  readonly level: number | undefined;
  readonly freshLevel: number | undefined;
  readonly rowsPerSecond: number | undefined;
  readonly secondsPerStep: number | undefined;
  readonly secondsLeft: number | undefined;
  readonly learningRate: number | undefined;
  readonly traffic: Traffic;
  /** A sentence for the user: a warning, a refresh that is sent again. */
  readonly note: string | undefined;
}

export interface TrainedModel {
  readonly run: string;
  readonly ownerRun: string | undefined;
  readonly modelId: string;
  /** The sealed file, to send back. */
  readonly file: Blob;
  /** The recipe as it was carried out, learning rate included. */
  readonly recipe: TrainingRecipe;
  readonly rows: number;
  /** Of the rows that were trained on: what a training record commits to (`commitToData`). */
  readonly dataDigest: string;
  /** As a training record states it; undefined where no noise was asked for. */
  readonly privacy: StatedPrivacy | undefined;
  readonly seconds: number;
  readonly traffic: Traffic;
}

export interface StatedPrivacy {
  readonly epsilon: number;
  readonly delta: number;
  readonly mechanism: string;
}

/** A run as this browser keeps it. */
export interface KeptRun {
  readonly run: string;
  readonly ownerRun: string | undefined;
  readonly modelId: string;
  readonly data: { readonly name: string; readonly rows: number };
  readonly recipe: FitRecipe;
  readonly step: number;
  readonly steps: number;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly savedAt: string;
  readonly finished: boolean;
  /** Another tab is at it. */
  readonly busy: boolean;
}

export interface PredictRequest {
  /** The run whose result shall predict; without it, the model as it was loaded. */
  readonly run?: string;
}

export interface PredictProgress {
  /** Rows. */
  readonly done: number;
  readonly rows: number;
}

export interface Predictions {
  readonly predictionsId: string;
  readonly modelId: string;
  readonly rows: number;
  readonly file: Blob;
}

/** Of every call that takes long. */
export interface CallOptions<Progress> {
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}
