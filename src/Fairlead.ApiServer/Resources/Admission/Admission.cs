using System.Text.Json.Nodes;
using Fairlead.ApiServer.Watch;

namespace Fairlead.ApiServer.Resources.Admission;

/// <summary>
/// What is decided about a new object by looking at others; strategies see the object alone
/// (Kubernetes documentation: "Admission Control in Kubernetes").
/// </summary>
internal interface IAdmissionPlugin
{
    /// <summary>As Kubernetes names it, for --disable-admission-plugins.</summary>
    string Name { get; }

    /// <summary>Completes an object that is about to be made; its defaults are set.</summary>
    /// <exception cref="ApiError">It is not admitted.</exception>
    void Admit(Kind kind, JsonObject obj);
}

/// <summary>The plugins of this server, in Kubernetes' order.</summary>
internal sealed class AdmissionChain(ObjectCache cache, KindTable kinds, IReadOnlyCollection<string> disabled)
{
    private readonly bool _withQuotas = !disabled.Contains("ResourceQuota");

    private readonly IAdmissionPlugin[] _plugins =
    [
        .. new IAdmissionPlugin[]
            {
                new LimitRanger(cache, kinds), new ServiceAccountAdmission(cache, kinds), new PriorityAdmission(cache, kinds), new RuntimeClassAdmission(cache, kinds),
                new DefaultIngressClass(cache, kinds),
            }
            .Where(plugin => !disabled.Contains(plugin.Name)),
    ];

    public QuotaKeeper Quotas { get; } = new(cache, kinds);

    /// <summary>Completes and admits a new object. The write has to come before the answer is disposed of.</summary>
    public ValueTask<QuotaTurn?> AdmitAsync(Kind kind, JsonObject obj, CancellationToken cancel)
    {
        foreach (var plugin in _plugins) plugin.Admit(kind, obj);
        return AdmitChangeAsync(kind, obj, null, cancel);
    }

    /// <summary>Admits a changed object, which may take more of a quota than it did.</summary>
    public ValueTask<QuotaTurn?> AdmitChangeAsync(Kind kind, JsonObject obj, JsonObject? old, CancellationToken cancel) =>
        _withQuotas ? Quotas.EnterAsync(kind, obj, old, cancel) : ValueTask.FromResult<QuotaTurn?>(null);
}
