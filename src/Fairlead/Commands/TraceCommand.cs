using System.CommandLine;
using Fairlead.Cluster;
using Fairlead.Doctor.Report;
using Fairlead.Doctor.Trace;
using Fairlead.Kube.Client;
using Fairlead.Kubeconfig;
using Fairlead.Terminal;

namespace Fairlead.Commands;

/// <summary>`fairlead trace`: one request from a pod, as it went.</summary>
internal static class TraceCommand
{
    public static Command Create()
    {
        var pod = new Argument<string>("pod") { Description = "The pod from whose network the request is sent." };
        var url = new Argument<string>("url") { Description = "For example http://kubia; tcp://kubia:6379 connects only." };
        var ns = new Option<string>("--namespace", "-n") { Description = "Namespace of the pod.", DefaultValueFactory = _ => "default" };
        var kubeconfig = CommonOptions.Kubeconfig();
        var output = CommonOptions.Output();
        var command = new Command("trace", "Send one request from a pod and show how it went: names, address, endpoint, node, source address. Ends with 0: answered, 1: not, 2: could not look.") { pod, url, ns, kubeconfig, output };
        command.SetAction((parse, cancel) => Failures.RunAsync(async () =>
        {
            var text = parse.GetValue(url)!;
            if (!Uri.TryCreate(text.Contains("://", StringComparison.Ordinal) ? text : $"http://{text}", UriKind.Absolute, out var target) || target.Scheme is not ("http" or "https" or "tcp"))
                throw new UserException($"\"{text}\" is no URL such as http://kubia or tcp://kubia:6379");
            if (target.Port < 0) throw new UserException($"{text} needs a port, such as tcp://kubia:6379");
            var configuration = KubeClientConfiguration.FromFile(parse.GetValue(kubeconfig) ?? KubeconfigFile.DefaultPath());
            using var client = new KubeClient(configuration, "fairlead-trace");
            var local = LocalCluster.Find(configuration) ?? throw new UserException("trace enters pods' networks: run it as root on the machine where `fairlead up` made the cluster");
            try
            {
                var name = parse.GetValue(pod)!;
                var diagnosis = await new Tracer(client, local, TimeProvider.System).RunAsync(parse.GetValue(ns)!, name.StartsWith("pod/", StringComparison.Ordinal) ? name[4..] : name, target, cancel);
                if (parse.GetValue(output) == "json") Console.WriteLine(JsonReport.Write([diagnosis]));
                else new TextReport(Console.Out, Colours.AreOn, AsTyped.Of).Write(diagnosis, healthy: "answered");
                return diagnosis.IsHealthy ? 0 : 1;
            }
            catch (TraceException e)
            {
                throw new UserException(e.Message);
            }
        }, Failures.CouldNotLook));
        return command;
    }
}
