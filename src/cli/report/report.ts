/** What a demonstration found out, as data: `report.json` is this, and `report.html` shows it. */

/** Version of report.json. */
export const REPORT_SCHEMA = 1;

export interface DemoReport {
  readonly schema: typeof REPORT_SCHEMA;
  readonly demo: string;
  readonly title: string;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly version: string;
  /** What repeats it. */
  readonly command: string;

  /** Share of the test rows that the opened network gets right. */
  readonly sealedTestAccuracy: number;
  /** The same for the twin: same recipe, order and initial weights, trained in the clear. */
  readonly clearTestAccuracy: number;
  readonly testRows: number;
  /** Rows trained on a second, refreshes included, keys and files apart. */
  readonly reviewsPerSecond: number;
  readonly rowsTrained: number;
  readonly trainingSeconds: number;
  readonly wallSeconds: number;
  readonly securityBits: number;
  readonly logQP: number;
  /** −log2 of the largest difference between a weight of the sealed network and of its twin. */
  readonly weightErrorBits: number;
  readonly maxWeightError: number;
  /** What a row is: "review", "mail", "digit". */
  readonly rowName: string;

  readonly machine: Machine;
  readonly parameters: ParameterReport;
  readonly network: NetworkReport;
  readonly recipe: RecipeReport;
  readonly refresh: RefreshReport;
  readonly rounds: readonly Round[];
  readonly curves: Curves;
  readonly phases: readonly Phase[];
  /** One training step, in order. */
  readonly levels: readonly LevelMark[];
  readonly sizes: readonly Size[];
  readonly wire: readonly WireItem[];
  readonly exposure: readonly Exposure[];
  readonly predictions: readonly UnlockedPrediction[];
  /** What a reader must know to judge the figures. */
  readonly notes: readonly string[];
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly threads: number;
  readonly platform: string;
  readonly node: string;
}

export interface ParameterReport {
  readonly set: string;
  readonly N: number;
  readonly slots: number;
  readonly levels: number;
  readonly logQP: number;
  readonly securityBits: number;
}

export interface NetworkReport {
  /** "4000-8-1". */
  readonly shape: string;
  readonly parameters: number;
  readonly layers: readonly { readonly inputs: number; readonly units: number; readonly activation: string }[];
}

export interface RecipeReport {
  readonly batch: number;
  readonly steps: number;
  readonly learningRate: number;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly schedule: string;
  readonly features: string;
}

export interface RefreshReport {
  readonly mode: 'owner' | 'bootstrap' | 'none';
  readonly calls: number;
  readonly ciphertexts: number;
  readonly bytesToOwner: number;
  readonly bytesToTrainer: number;
  /** Time that the owner spent answering. */
  readonly ownerSeconds: number;
}

/** What one trainer did. */
export interface Round {
  readonly trainer: string;
  readonly rows: number;
  readonly steps: number;
  readonly seconds: number;
  /** Milliseconds of each step. */
  readonly stepMs: readonly number[];
  readonly sealedTestAccuracy: number;
  readonly clearTestAccuracy: number;
}

export interface Point {
  readonly step: number;
  readonly value: number;
}

export interface Curves {
  readonly clear: {
    readonly testAccuracy: readonly Point[];
    readonly testLoss: readonly Point[];
    readonly trainingLoss: readonly Point[];
  };
  /** Only where the owner opened the network: in between nobody can read it. */
  readonly sealed: {
    readonly testAccuracy: readonly Point[];
    readonly testLoss: readonly Point[];
  };
}

export interface Phase {
  readonly name: string;
  /** "owner", "trainer A", … */
  readonly actor: string;
  /** Seconds since the beginning. */
  readonly start: number;
  readonly seconds: number;
}

export interface LevelMark {
  readonly label: string;
  /** Level after it. */
  readonly level: number;
}

export interface Size {
  readonly name: string;
  readonly holder: string;
  readonly bytes: number;
}

export interface WireItem {
  readonly from: string;
  readonly to: string;
  readonly what: string;
  readonly count: number;
  readonly bytes: number;
}

/** Who can read what. */
export interface Exposure {
  readonly what: string;
  readonly owner: string;
  readonly trainer: string;
}

export interface UnlockedPrediction {
  readonly text: string;
  readonly truth: string;
  /** The class that the owner unlocked, and nothing else. */
  readonly sealed: string;
  readonly clear: string;
}
