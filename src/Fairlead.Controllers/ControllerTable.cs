using Fairlead.Controllers.Endpoints;
using Fairlead.Controllers.EndpointSliceMirroring;
using Fairlead.Controllers.EndpointSlices;
using Fairlead.Controllers.GarbageCollector;
using Fairlead.Controllers.Namespace;
using Fairlead.Controllers.NodeIpam;
using Fairlead.Controllers.NodeLifecycle;
using Fairlead.Controllers.PodGC;
using Fairlead.Controllers.Replicas;
using Fairlead.Controllers.ReplicationController;
using Fairlead.Controllers.Scheduler;
using Fairlead.Controllers.ServiceAccount;

namespace Fairlead.Controllers;

/// <summary>The controllers, by the name that switches them off.</summary>
internal static class ControllerTable
{
    public static IReadOnlyDictionary<string, Func<ControllerContext, IController>> All { get; } = new Dictionary<string, Func<ControllerContext, IController>>
    {
        ["nodeipam"] = context => new NodeIpamController(context),
        ["nodelifecycle"] = context => new NodeLifecycleController(context),
        ["scheduler"] = context => new SchedulerController(context),
        ["replicationcontroller"] = context => new ReplicaController(
            new ReplicationControllerKind(context.Client, context.Caches), context, context.Log("ReplicationController")),
        ["endpointslice"] = context => new EndpointSliceController(context),
        ["endpoints"] = context => new EndpointsController(context),
        ["endpointslicemirroring"] = context => new MirroringController(context),
        ["namespace"] = context => new NamespaceController(context),
        ["serviceaccount"] = context => new ServiceAccountController(context),
        ["rootca"] = context => new RootCertificateController(context),
        ["garbagecollector"] = context => new GarbageCollectorController(context),
        ["podgc"] = context => new PodGcController(context),
    };
}
