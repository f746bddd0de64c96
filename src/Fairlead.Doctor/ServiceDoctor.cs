using Fairlead.Doctor.Diagnose;
using Fairlead.Doctor.Gather;
using Fairlead.Doctor.Observe;
using Fairlead.Kube.Client;

namespace Fairlead.Doctor;

/// <summary>What to examine.</summary>
/// <param name="Kind">svc, ingress or pod.</param>
public sealed record Patient(string Kind, string Name)
{
    /// <summary>Reads <c>svc/kubia</c>, with the names that kubectl takes for a kind; null for anything else.</summary>
    public static Patient? Parse(string text) => text.StartsWith('-') ? null : text.Split('/') switch
    {
        ["svc" or "service" or "services", { Length: > 0 } name] => new Patient("svc", name),
        ["ing" or "ingress" or "ingresses", { Length: > 0 } name] => new Patient("ingress", name),
        ["po" or "pod" or "pods", { Length: > 0 } name] => new Patient("pod", name),
        [{ Length: > 0 } name] => new Patient("svc", name),
        _ => null,
    };
}

/// <summary>Why a Service does not work: reads what there is to see and says what is wrong.</summary>
/// <param name="local">What this machine knows of the cluster's nodes; null for a foreign cluster.</param>
public sealed class ServiceDoctor(KubeClient client, ILocalCluster? local, TimeProvider time)
{
    private readonly ClusterReader _reader = new(client, local, time);

    /// <summary>Null when there is no such object.</summary>
    public async Task<Diagnosis?> ExamineAsync(Patient patient, string ns, CancellationToken cancel) => patient.Kind switch
    {
        "ingress" => await _reader.IngressAsync(ns, patient.Name, cancel) is { } ingress ? Judge.Ingress(ingress) : null,
        "pod" => await _reader.PodAsync(ns, patient.Name, cancel) is { } pod ? Judge.Pod(pod) : null,
        _ => await _reader.ServicesAsync(ns, [patient.Name], null, cancel) is [var service] ? Judge.Service(service) : null,
    };

    /// <summary>Every service of a namespace, or of all (null).</summary>
    /// <param name="progress">Told how many services were looked at, of how many; from several threads.</param>
    public async Task<IReadOnlyList<Diagnosis>> ExamineAllAsync(string? ns, Action<int, int> progress, CancellationToken cancel) =>
        [.. (await _reader.ServicesAsync(ns, null, progress, cancel)).Select(Judge.Service)];
}
