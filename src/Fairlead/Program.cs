using System.CommandLine;
using Fairlead;
using Fairlead.Commands;
using Fairlead.Linux.Processes;
using Fairlead.Node.Network;
using Fairlead.Terminal;

// A container runtime starts the program as its network plugin, without an argument.
if (args.Length == 0 && CniPlugin.Command is not null) return await CniPlugin.RunAsync(Console.In, Console.Out);
// OpenSSL's own trust store is read whole at the first handshake of a process; who needs it here asks MachineTrust.
foreach (var place in (string[])["SSL_CERT_FILE", "SSL_CERT_DIR"]) NativeEnvironment.Set(place, "/dev/null");
var root = new RootCommand("Kubernetes Services, whole, in one binary: API server, controllers, nodes and their load balancer.")
{
    UpCommand.Create(),
    DownCommand.Create(),
    StatusCommand.Create(),
    DoctorCommand.Create(),
    TraceCommand.Create(),
    InstallCommand.Create(),
    UninstallCommand.Create(),
    CompletionCommand.Create(),
    KubeconfigCommand.Create(),
    ServerCommand.Create(),
    AgentCommand.Create(),
    ResetCommand.Create(),
    TokenCommand.Create(),
    NodeCommand.Create(),
    ProxyCommand.Create(),
    LoadBalancerCommand.Create(),
    DnsCommand.Create(),
    IngressCommand.Create(),
    ControllersCommand.Create(),
    ImageCommand.Create(),
    EchoCommand.Create(),
    BackupCommand.Create(),
    RestoreCommand.Create(),
    VersionCommand.Create(),
};
var parse = root.Parse(args);
if (ParseFailure.Explain(parse) is { } wrong)
{
    await Console.Error.WriteLineAsync($"fairlead: {AsTyped.Of(wrong)}");
    return parse.CommandResult.Command.Name is "doctor" or "trace" ? Failures.CouldNotLook : 1;
}
using var memory = IdleMemory.Watch(TimeProvider.System);
return await Failures.RunAsync(() => parse.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeSpan.FromMinutes(1) }));
