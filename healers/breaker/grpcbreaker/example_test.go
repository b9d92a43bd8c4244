package grpcbreaker_test

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/grpcbreaker"
)

func ExampleClient() {
	b, err := breaker.New(breaker.Config{Name: "store", Consecutive: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	guard := grpcbreaker.Client{Breaker: b}
	conn, err := grpc.NewClient("passthrough:///127.0.0.1:1", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithUnaryInterceptor(guard.Unary), grpc.WithStreamInterceptor(guard.Stream))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = conn.Close() }()
	client := grpc_health_v1.NewHealthClient(conn)
	for range 2 {
		_, err := client.Check(context.Background(), &grpc_health_v1.HealthCheckRequest{})
		fmt.Println(status.Code(err) == codes.Unavailable, errors.Is(err, breaker.ErrOpen))
	}
	// Output:
	// true false
	// true true
}
