/**
 * @file The manifests for Kubernetes, KEDA and Compose fit the schemas of these programs, and what they name in each other and in the
 * server exists.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { optionTable } from '../../src/cli/options/option-table.ts';
import { parseOptions } from '../../src/cli/options/parse-options.ts';
import { path as beside, exec, scratchPython } from '../clients/scratch-python.ts';
import { metricsIn, metricsText } from './metrics-text.ts';

const path = (name: string) => fileURLToPath(new URL(`../../deploy/${name}`, import.meta.url));
// biome-ignore lint/suspicious/noExplicitAny: the shape of a manifest is what the schemas check
const read = (name: string): any => parse(readFileSync(path(name), 'utf8'), { merge: true });
const names = readdirSync(path('kubernetes')).filter((name) => name.endsWith('.yaml'));
const kinds = Object.fromEntries(
  names.map((name) => {
    const manifest = read(`kubernetes/${name}`);
    return [manifest.kind, manifest];
  }),
);
const compose = read('compose.yaml');
const pod = kinds.Deployment.spec.template;

describe('Kubernetes', () => {
  it('has one manifest of each kind', () => {
    const wanted = ['ConfigMap', 'Deployment', 'HorizontalPodAutoscaler', 'PodDisruptionBudget', 'Service'];
    expect(names).toHaveLength(wanted.length);
    expect(Object.keys(kinds).toSorted()).toEqual(wanted);
  });

  it('selectors find the pods, and names the other manifests', () => {
    const { labels } = pod.metadata;
    const { Deployment, HorizontalPodAutoscaler, PodDisruptionBudget, Service, ConfigMap } = kinds;
    expect(Deployment.spec.selector.matchLabels).toEqual(labels);
    expect(PodDisruptionBudget.spec.selector.matchLabels).toEqual(labels);
    expect(Service.spec.selector).toEqual(labels);
    expect(HorizontalPodAutoscaler.spec.scaleTargetRef).toMatchObject({
      kind: 'Deployment',
      name: Deployment.metadata.name,
    });
    for (const { envFrom, volumeMounts } of [...pod.spec.containers, ...pod.spec.initContainers]) {
      expect(envFrom[0].configMapRef.name).toBe(ConfigMap.metadata.name);
      for (const { name } of volumeMounts) expect(pod.spec.volumes).toContainEqual(expect.objectContaining({ name }));
    }
  });

  it('every container is unprivileged, with a root that it cannot write to, and limits', () => {
    expect(pod.spec.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    for (const { securityContext, resources } of [...pod.spec.containers, ...pod.spec.initContainers]) {
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(Object.keys({ ...resources.limits, ...resources.requests }).toSorted()).toEqual(['cpu', 'memory']);
    }
  });

  it('probes ask /health at the port of the server, and a stop leaves time for requests', () => {
    const [server] = pod.spec.containers;
    const [{ name, containerPort }] = server.ports;
    for (const probe of [server.startupProbe, server.readinessProbe, server.livenessProbe]) {
      expect(probe.httpGet).toEqual({ path: '/health', port: name });
    }
    expect(kinds.Service.spec.ports[0].targetPort).toBe(name);
    expect(readFileSync(path('Containerfile'), 'utf8')).toContain(`LLAMA_ARG_PORT=${containerPort} `);
    expect(pod.metadata.annotations['prometheus.io/port']).toBe(String(containerPort));
    const { value } = server.env.find(({ name }: { name: string }) => name === 'GGUF_EMBED_DRAIN_SECONDS');
    expect(pod.spec.terminationGracePeriodSeconds).toBeGreaterThan(60 + Number(value));
    const { periodSeconds, failureThreshold } = server.livenessProbe;
    expect(periodSeconds * failureThreshold).toBeGreaterThan(Number(value));
  });

  it('scales by a metric of the server that the adapter gives', async () => {
    const [{ pods }] = kinds.HorizontalPodAutoscaler.spec.metrics;
    expect(await metricsText()).toMatch(new RegExp(`^${pods.metric.name} `, 'm'));
    expect(read('prometheus/adapter.yaml').rules[0].seriesQuery).toContain(`${pods.metric.name}{`);
  });
});

describe('the scaled object of KEDA', () => {
  const { spec } = read('kubernetes-keda/scaled-object.yaml');
  const [{ metadata }] = spec.triggers;

  it('scales the Deployment as its other autoscaler does', () => {
    const other = kinds.HorizontalPodAutoscaler.spec;
    expect(spec.scaleTargetRef).toEqual(other.scaleTargetRef);
    expect([spec.minReplicaCount, spec.maxReplicaCount]).toEqual([other.minReplicas, other.maxReplicas]);
    expect(spec.advanced.horizontalPodAutoscalerConfig.behavior).toEqual(other.behavior);
    expect(spec.fallback.replicas).toBeLessThanOrEqual(spec.maxReplicaCount);
  });

  it('asks for a metric of the server', async () => {
    const text = await metricsText();
    const wanted = metricsIn(metadata.query);
    expect(wanted).toEqual(['gguf_embed_queue_tokens']);
    for (const name of wanted) expect(text).toMatch(new RegExp(`^${name} `, 'm'));
  });
});

describe('the job of Kubernetes', () => {
  const { spec } = read('kubernetes-job/embed-job.yaml');
  const [container] = spec.template.spec.containers;

  it('starts the program of the image with a share for each index', () => {
    const entry = /^ENTRYPOINT (.+)$/m.exec(readFileSync(path('Containerfile'), 'utf8'))?.[1] ?? '';
    const [script] = container.args;
    expect(container.command).toEqual(['sh', '-c']);
    expect(script).toContain(`exec ${(JSON.parse(entry) as string[]).join(' ')} embed `);
    expect(spec.completionMode).toBe('Indexed');
    const shares = Array.from({ length: spec.completions }, (_, index) =>
      execFileSync('sh', ['-c', script.replace(/^exec .* --shard/, 'echo')], {
        env: { JOB_COMPLETION_INDEX: String(index) },
        encoding: 'utf8',
      }),
    );
    expect(shares.map((share) => share.split(' ')[0])).toEqual(
      shares.map((_, index) => `${index + 1}/${spec.completions}`),
    );
  });

  it('has options that the program takes', () => {
    const args = container.args[0].replace('$((JOB_COMPLETION_INDEX + 1))', '1').split(' embed ')[1].split(' ');
    expect(parseOptions('embed', args, {})).toMatchObject({
      positionals: ['/data/input'],
      values: { output: '/data/vectors/', shard: '1/8', onError: 'skip', reproducible: true },
      notes: [],
    });
  });

  it('is unprivileged', () => {
    expect(spec.template.spec.securityContext).toEqual(pod.spec.securityContext);
    expect(container.securityContext).toEqual(pod.spec.containers[0].securityContext);
  });
});

it('every variable is one that the program reads', () => {
  const [server] = pod.spec.containers;
  const image = readFileSync(path('Containerfile'), 'utf8').matchAll(/(?<=^ENV |^ {4})(\w+)=/gm);
  const given = [
    ...Object.keys(kinds.ConfigMap.data),
    ...server.env.map(({ name }: { name: string }) => name),
    ...Object.keys(compose.services['gguf-embed'].environment),
    ...Array.from(image, ([, name]) => name),
  ];
  expect(given.length).toBeGreaterThan(10);
  const known = new Set(['NODE_ENV', 'HF_HOME', 'XDG_CACHE_HOME', ...optionTable.flatMap(({ env }) => env ?? [])]);
  expect(given.filter((name) => !known.has(name))).toEqual([]);
});

it('Compose keeps models in a volume and the root read-only', () => {
  const service = compose.services['gguf-embed'];
  expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], build: { dockerfile: 'deploy/Containerfile' } });
  const [volume] = service.volumes[0].split(':');
  expect(compose.volumes).toHaveProperty(volume);
});

const { folder, python, missing } = await scratchPython(
  'the schemas of Kubernetes, KEDA and Compose',
  '../deploy/requirements.txt',
  async (python, folder) => {
    // Its dependencies are old and unused: the wheel is there for its schema.
    const pip = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps', '--dest', folder];
    await exec(python, [...pip, 'docker-compose==1.29.2'], { timeout: 120_000 });
  },
);
describe.skipIf(missing !== undefined)('the schemas', () => {
  it('of Kubernetes, KEDA and Compose accept the files, and refuse others', { timeout: 120_000 }, async () => {
    const args = [
      beside('../deploy/schemas.py'),
      folder,
      path('compose.yaml'),
      ...names.map((name) => path(`kubernetes/${name}`)),
      path('kubernetes-job/embed-job.yaml'),
      path('kubernetes-keda/scaled-object.yaml'),
    ];
    const { stdout } = await exec(python, args);
    expect(JSON.parse(stdout)).toEqual({ accepted: names.length + 3, refused: names.length + 3 });
  });
});
