using Fairlead.Controllers.Endpoints;
using Fairlead.Controllers.EndpointSlices;
using Fairlead.Controllers.NodeIpam;
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
        ["replicationcontroller"] = context => new ReplicaController(
            new ReplicationControllerKind(context.Client, context.Caches), context, context.Log("ReplicationController")),
        ["endpoints"] = context => new EndpointsController(context),
        ["endpointslice"] = context => new EndpointSliceController(context),
        ["serviceaccount"] = context => new ServiceAccountController(context),
        ["rootca"] = context => new RootCertificateController(context),
        ["scheduler"] = context => new SchedulerController(context),
        ["nodeipam"] = context => new NodeIpamController(context),
    };
}
